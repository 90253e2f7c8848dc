"""`python -m api`: serves the HTTP API until it is told to stop.

Owns that loading is quick; the process itself is `api.service`.
"""

import gc
import sys


def main() -> int:
    """The process's entry; its answer is the exit code."""
    gc.disable()  # what is imported stays: looking through it is a third of a start's time
    from api import service  # noqa: PLC0415 - not before that

    return service.main()


if __name__ == "__main__":
    sys.exit(main())
