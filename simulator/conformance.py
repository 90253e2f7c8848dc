"""Conformance to the `stripe` package's own generated types.

Owns the record of violations. Does not know the types themselves (`documented_parameters`,
`documented_fields`) and changes no answer: tests fail on what is recorded here.
"""

from simulator.document import JsonObject
from simulator.documented_fields import field_violations
from simulator.documented_parameters import parameter_violations
from simulator.forms import FormTree


class Conformance:
    """Collects violations; when not enabled, checks nothing and costs nothing."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._violations: list[str] = []

    @property
    def violations(self) -> list[str]:
        """What was found so far."""
        return list(self._violations)

    def record(self, violation: str) -> None:
        """Add a finding."""
        if self._enabled:
            self._violations.append(violation)

    def clear(self) -> None:
        """Forget all findings."""
        self._violations.clear()

    def check_request(self, documented: str, tree: FormTree) -> None:
        """Record parameters outside the TypedDict of that name in `stripe.params`."""
        if self._enabled:
            self._violations += parameter_violations(documented, tree)

    def check_response(self, document: JsonObject) -> None:
        """Record fields that Stripe does not document, of the wrong type, or missing."""
        if self._enabled:
            self._violations += field_violations(document)

    def check_error(self, body: JsonObject) -> None:
        """Record what is wrong with the objects inside an error."""
        error = body.get("error")
        for value in error.values() if self._enabled and isinstance(error, dict) else ():
            if isinstance(value, dict):
                self._violations += field_violations(value)
