"""A Temporal server that is not ours: a cluster's, or Temporal Cloud.

Owns reaching it as `temporalio.envconfig` says and the search attributes it must know. Does not own
our own server (`local.temporal`).
"""

from collections.abc import Mapping

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from local.environment import Environment
from local.process import ProcessError
from local.temporal import register_search_attributes


async def connect(environment: Environment) -> Client:
    """A client of the server that `TEMPORAL_*` leads to; `ProcessError` when it does not answer."""
    try:
        config = ClientConfig.load_client_connect_config(
            override_env_vars=dict(environment.variables)
        )
        return await Client.connect(**config)
    except (RuntimeError, ValueError, OSError) as error:
        address = environment.get("TEMPORAL_ADDRESS")
        raise ProcessError(
            f"Temporal does not answer at {address} ({error}); check TEMPORAL_ADDRESS, "
            "TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and TEMPORAL_TLS"
        ) from None


async def prepare(environment: Environment, search_attributes: Mapping[str, str]) -> None:
    """Register what is missing; `ProcessError` names it where the server does not allow that."""
    client = await connect(environment)
    try:
        await register_search_attributes(client, search_attributes)
    except RPCError as error:
        missing = ", ".join(f"{name} ({kind})" for name, kind in search_attributes.items())
        raise ProcessError(
            f"the search attributes of the namespace {client.namespace} cannot be registered from "
            f"here ({error.message}); register them there: {missing}"
        ) from None
