"""`python -m bench [PART…]`: measures the system against baselines of the same minute.

Owns the command line and the order. Everything runs on servers of its own, which are gone
afterwards, so that it can be measured beside a running `make dev`.
"""

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import report
from bench.figures import Figure
from bench.parts import PARTS, Sizes
from bench.stage import opened
from worker.process import MOST_CACHED_WORKFLOWS

_RESULTS: Final = Path(__file__).with_name("results.json")


def main() -> int:
    """Measures, shows and saves. A missed target is shown and is no failure of the command."""
    arguments = _arguments()
    measured_at, measured = datetime.now(UTC), dict[str, list[Figure]]()
    with opened() as stage:
        for part, measure in PARTS.items():
            if arguments.parts and part not in arguments.parts:
                continue
            began = time.monotonic()
            measured[part] = asyncio.run(measure(stage, _sizes(arguments)))
            report.show(f"{part} ({time.monotonic() - began:.0f} s)", measured[part])
            report.save(_RESULTS, measured, measured_at=measured_at)
    return 0


def _sizes(arguments: argparse.Namespace) -> Sizes:
    most: int = arguments.sleeping
    looks = {MOST_CACHED_WORKFLOWS, 2 * MOST_CACHED_WORKFLOWS, most // 2, most}
    return Sizes(
        renewals=arguments.renewals,
        cycles=arguments.cycles,
        sleeping=tuple(sorted(look for look in looks if 0 < look <= most)),
        requests=arguments.requests,
    )


def _arguments() -> argparse.Namespace:
    defaults = Sizes()
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; else all")
    parser.add_argument("--renewals", type=int, default=defaults.renewals, help="in a round")
    parser.add_argument("--cycles", type=int, default=defaults.cycles, help="rounds of each")
    parser.add_argument("--sleeping", type=int, default=defaults.sleeping[-1])
    parser.add_argument("--requests", type=int, default=defaults.requests, help="of each kind")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - PARTS.keys()
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
