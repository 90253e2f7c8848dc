"""`python -m worker`: polls Temporal and processes the webhook inbox until it is told to stop.

Owns that loading is quick; the process itself is `worker.service`.
"""

from adapters import garbage_collection


def main() -> None:
    """The process's entry."""
    garbage_collection.put_off()
    from worker import service  # noqa: PLC0415 - not before that

    service.main()


if __name__ == "__main__":
    main()
