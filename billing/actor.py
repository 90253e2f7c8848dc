"""Who asked for a command, and why (policy P34)."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from billing.value import Value


class ActorKind(StrEnum):
    """Where commands come from."""

    API_KEY = "api_key"
    CUSTOMER = "customer"
    OPERATOR = "operator"
    SYSTEM = "system"


class Actor(Value):
    """An id that the audit log can be searched by; never a secret."""

    kind: ActorKind
    id: Annotated[str, StringConstraints(min_length=1, max_length=120)]
