"""Who gives a command on this machine.

Owns the name that the audit log gets when none is given: the login name.
"""

import getpass

from billing.actor import Actor, ActorKind
from billing.errors import InvalidInput


def operator_named(name: str | None) -> Actor:
    """An operator; raises `InvalidInput` (`actor_required`) where the machine knows no name."""
    if name is None:
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            raise InvalidInput(
                "actor_required", "this account has no name: say who you are with --actor"
            ) from None
    if not name.strip() or len(name) > _LONGEST:
        raise InvalidInput("actor_required", f"--actor takes 1 to {_LONGEST} characters")
    return Actor(kind=ActorKind.OPERATOR, id=name.strip())


_LONGEST = 120
