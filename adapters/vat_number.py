"""VAT ids: whether one has the form that its country gives them.

Owns the check by python-stdnum, digits included, and the one way of writing that is stored. Whether
the id was really given to somebody, only the tax authorities know. Does not own what follows from
having one (`billing.tax`).
"""

from typing import Final

from stdnum import get_cc_module
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from billing.errors import InvalidInput
from billing.tax import EU

_PREFIXES: Final = {"GR": "EL"}
"""Where VAT ids do not begin with the country's code."""


def checked_vat_id(written: str, *, country: str) -> str:
    """The id without spaces, with its country's prefix in the European Union.

    Raises `InvalidInput` (`vat_id_malformed`, `vat_id_unsupported`).
    """
    module = get_cc_module(country.lower(), "vat")
    if module is None:
        raise InvalidInput(
            "vat_id_unsupported", f"VAT ids of {country} cannot be checked: leave it out"
        )
    prefix = _PREFIXES.get(country, country)
    compact = "".join(written.split()).upper()
    try:
        if country not in EU:
            return str(module.validate(compact))
        with_prefix = compact if compact.startswith(prefix) else prefix + compact
        found = str(vat.validate(with_prefix))
    except ValidationError as wrong:
        raise _malformed(country) from wrong
    if not found.startswith(prefix):
        raise _malformed(country)
    return found


def _malformed(country: str) -> InvalidInput:
    return InvalidInput("vat_id_malformed", f"that is no VAT id of {country}")
