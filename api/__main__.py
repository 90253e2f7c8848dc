"""`python -m api`: serves the HTTP API until it is told to stop.

Owns that loading is quick; the process itself is `api.service`.
"""

import sys

from adapters import garbage_collection


def main() -> int:
    """The process's entry; its answer is the exit code."""
    garbage_collection.put_off()
    from api import service  # noqa: PLC0415 - not before that

    return service.main()


if __name__ == "__main__":
    sys.exit(main())
