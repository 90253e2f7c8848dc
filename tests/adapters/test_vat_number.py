"""VAT ids: one way of writing each, and none that its country could not have given."""

import pytest

from adapters.vat_number import checked_vat_id
from billing.errors import InvalidInput


@pytest.mark.parametrize(
    ("country", "written", "stored"),
    [
        ("DE", "de 136 695 976", "DE136695976"),
        ("DE", "136695976", "DE136695976"),
        ("GR", "094259216", "EL094259216"),
        ("FR", "FR 40 303 265 045", "FR40303265045"),
        ("GB", "GB 980 7806 84", "980780684"),
        ("CH", "CHE-107.787.577 IVA", "CHE107787577IVA"),
    ],
)
def test_a_vat_id_is_stored_in_one_way(country: str, written: str, stored: str) -> None:
    assert checked_vat_id(written, country=country) == stored


@pytest.mark.parametrize(
    ("country", "written", "code"),
    [
        ("DE", "DE136695977", "vat_id_malformed"),
        ("DE", "FR40303265045", "vat_id_malformed"),
        ("GR", "GR094259216", "vat_id_malformed"),
        ("GB", "nonsense", "vat_id_malformed"),
        ("AQ", "AQ1234", "vat_id_unsupported"),
    ],
)
def test_what_its_country_could_not_have_given_is_refused(
    country: str, written: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_vat_id(written, country=country)
    assert refused.value.code == code
