"""`python -m simulator`: one simulator in the foreground."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from simulator.config import SimulatorConfig
from simulator.server import SimulatorServer, address_of, bound_socket


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111, help="0 takes a free port")
    parser.add_argument("--database", type=Path, help="SQLite file; without it, memory")
    parser.add_argument("--api-key", default=os.environ.get("SIMULATOR_API_KEY"))
    parser.add_argument("--control-token", default=os.environ.get("SIMULATOR_CONTROL_TOKEN"))
    parser.add_argument("--public-url", help="where browsers reach the hosted pages")
    parser.add_argument(
        "--settlement-seconds", type=float, help="how long banks take over debits and refunds"
    )
    parser.add_argument("--strict", action="store_true", help="check against the stripe package")
    return parser.parse_args()


def _config(arguments: argparse.Namespace) -> SimulatorConfig:
    config = SimulatorConfig(
        database=arguments.database,
        control_token=arguments.control_token,
        public_url=arguments.public_url,
        settlement_seconds=arguments.settlement_seconds,
        strict=arguments.strict,
    )
    if arguments.api_key is None:
        return config
    return SimulatorConfig.model_validate(config.model_dump() | {"api_key": arguments.api_key})


async def _serve(server: SimulatorServer, host: str, port: int) -> None:
    listener = bound_socket(host, port)
    serving = asyncio.create_task(server.serve([listener]))
    ready = asyncio.create_task(server.listening.wait())
    await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        sys.stdout.write(f"listening on {address_of(listener)}\n")
        sys.stdout.flush()
    ready.cancel()
    await serving


def main() -> int:
    """Serve until a signal ends it; 1 if the port cannot be had."""
    arguments = _arguments()
    try:
        server = SimulatorServer(_config(arguments))
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(server, arguments.host, arguments.port))
    except OSError as error:
        sys.stderr.write(f"cannot listen on {arguments.host}:{arguments.port}: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
