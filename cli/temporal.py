"""Which Temporal server a command works on.

Owns the choice: `TEMPORAL_ADDRESS` and what temporalio reads besides, else the local system's.
"""

from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig

from local.environment import read_environment
from local.process import ProcessError
from local.state import State

_ADDRESS = "TEMPORAL_ADDRESS"


async def connect(root: Path) -> Client:
    """A client of the server; `ProcessError` says how to have one."""
    variables = dict(read_environment(root).variables)
    if _ADDRESS not in variables:
        links = State(root).read_links()
        if links is None:
            raise ProcessError(
                "no Temporal server: set TEMPORAL_ADDRESS, or start the local system (make dev)"
            )
        variables[_ADDRESS] = links.temporal_address
    try:
        config = ClientConfig.load_client_connect_config(override_env_vars=variables)
        return await Client.connect(**config, data_converter=pydantic_data_converter)
    except (RuntimeError, ValueError, OSError) as error:
        raise ProcessError(
            f"Temporal does not answer at {variables[_ADDRESS]} ({error}); check TEMPORAL_ADDRESS,"
            " TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and TEMPORAL_TLS"
        ) from None
