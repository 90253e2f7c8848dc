"""Connecting to a Temporal server.

Owns the data converter that every process must share. Address, namespace, TLS and API key come
from temporalio's own environment configuration, so that a cluster or Temporal Cloud needs nothing
of ours (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS*`, profiles).
"""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime


async def connect(*, runtime: Runtime | None = None) -> Client:
    """A client for the configured server. Raises `RuntimeError` where it is out of reach."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return await Client.connect(**config, data_converter=pydantic_data_converter, runtime=runtime)
