"""What the benchmark's own programs have in common: they say how far they are, and end on SIGTERM.

Owns both. Whoever started a program hears it (`bench.stage`).
"""

import asyncio
import signal
import sys


def say(word: str, about: str = "") -> None:
    """One line for the process that started this one."""
    sys.stdout.write(f"{word} {about}".rstrip() + "\n")
    sys.stdout.flush()


async def until_stopped() -> None:
    """Returns on SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
