"""The certificate authorities that outgoing connections trust.

Owns one TLS context for the whole process: reading the authorities takes tens of milliseconds, and
a test run opens thousands of clients.
"""

import functools
import ssl

import httpx


@functools.cache
def tls_context() -> ssl.SSLContext:
    """What httpx itself would make for each client."""
    return httpx.create_ssl_context(trust_env=False)
