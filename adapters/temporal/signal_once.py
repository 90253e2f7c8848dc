"""A signal that arrives once per fact.

Owns the delivery: the server drops a signal whose request id it has seen in the same run, so that
a fact told by a webhook, by its repetition and by the customer's browser arrives once. Does not
own the signals' meaning (`workflows.messages`).
"""

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from billing.value import Value


async def signal_once(
    client: Client, workflow_id: str, signal: str, message: Value | None, *, fact: str
) -> bool:
    """Whether a running workflow was told; False where none runs.

    Raises `temporalio.service.RPCError` where Temporal is out of reach: tell it again.
    """
    arguments = [] if message is None else [message]
    payloads = await client.data_converter.encode(arguments)
    request = SignalWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        signal_name=signal,
        input=Payloads(payloads=payloads),
        identity=client.identity,
        request_id=f"{signal}:{fact}",
    )
    try:
        await client.workflow_service.signal_workflow_execution(request, retry=True)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True
