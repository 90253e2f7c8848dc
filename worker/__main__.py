"""`python -m worker`: polls Temporal and processes the webhook inbox until it is told to stop.

Owns that loading is quick; the process itself is `worker.service`.
"""

import gc


def main() -> None:
    """The process's entry."""
    gc.disable()  # what is imported stays: looking through it is a third of a start's time
    from worker import service  # noqa: PLC0415 - not before that

    service.main()


if __name__ == "__main__":
    main()
