"""Where payment methods come from: a number, a token or a documented shortcut.

Owns making one, and what a number, a date or a code may be. Does not own the object
(`payment_methods`) nor how each card behaves (`cards`, `bank_accounts`).
"""

import hashlib
from datetime import UTC, datetime
from typing import Literal

from simulator.addresses import BillingDetails, BillingDetailsParameters
from simulator.bank_accounts import (
    BANK_ACCOUNTS_BY_NAME,
    BANK_ACCOUNTS_BY_NUMBER,
    BankAccountType,
    KnownBankAccount,
)
from simulator.cards import CARDS_BY_NAME, CARDS_BY_NUMBER, KnownCard, passes_luhn
from simulator.errors import CardDeclined, InvalidRequest
from simulator.operation import Operation
from simulator.parameters import (
    NO_METADATA,
    FormInteger,
    Metadata,
    ParameterHash,
    Parameters,
    Text,
)
from simulator.payment_methods import (
    Card,
    CardChecks,
    CardNetworks,
    MethodType,
    PaymentMethod,
    SepaDebit,
    Simulated,
    UsBankAccount,
)
from simulator.resource import new_id

_SHORTCUT_EXPIRY_YEARS = 8
_NUMBER_LENGTHS = (12, 19)


class CardParameters(ParameterHash):
    """A card by its number, or by a token."""

    number: Text | None = None
    exp_month: FormInteger | None = None
    exp_year: FormInteger | None = None
    cvc: Text | None = None
    token: Text | None = None


class SepaDebitParameters(ParameterHash):
    """A SEPA account by its IBAN."""

    iban: Text


class UsBankAccountParameters(ParameterHash):
    """A US account by its numbers."""

    account_holder_type: Literal["individual", "company"] = "individual"
    account_number: Text
    account_type: Literal["checking", "savings"] = "checking"
    routing_number: Literal["110000000"]


class CreateParameters(Parameters):
    """What a payment method is made from."""

    type: MethodType
    allow_redisplay: Literal["always", "limited", "unspecified"] = "unspecified"
    billing_details: BillingDetailsParameters | None = None
    card: CardParameters | None = None
    metadata: Metadata = NO_METADATA
    sepa_debit: SepaDebitParameters | None = None
    us_bank_account: UsBankAccountParameters | None = None


def create(operation: Operation, _: str, parameters: CreateParameters) -> PaymentMethod:
    """A new payment method, not yet attached. Raises CardDeclined for an impossible card."""
    method = _new(operation, parameters)
    operation.create(method, None)
    return method


def resolve(operation: Operation, reference: str, *, param: str) -> PaymentMethod:
    """The payment method named by an id or by a documented shortcut such as `pm_card_visa`.

    A shortcut makes a new payment method each time, as Stripe does.
    """
    made = _from_shortcut(operation, reference)
    if made is not None:
        operation.create(made, None)
        return made
    return operation.get(PaymentMethod, reference, param=param)


def _new(operation: Operation, parameters: CreateParameters) -> PaymentMethod:
    for name in ("card", "sepa_debit", "us_bank_account"):
        given = getattr(parameters, name) is not None
        if given != (name == parameters.type):
            problem = "Received unknown" if given else "Missing required"
            code = "parameter_unknown" if given else "parameter_missing"
            raise InvalidRequest(f"{problem} param: {name}.", code=code, param=name)
    method = _of_type(operation, parameters)
    details = parameters.billing_details
    return method.changed(
        allow_redisplay=parameters.allow_redisplay,
        metadata=parameters.metadata.applied_to({}),
        billing_details=BillingDetails() if details is None else details.billing_details(),
    )


def _of_type(operation: Operation, parameters: CreateParameters) -> PaymentMethod:
    if parameters.card is not None:
        return _card_from(operation, parameters.card)
    if parameters.sepa_debit is not None:
        iban = parameters.sepa_debit.iban.replace(" ", "").upper()
        return _bank_account(operation, _known_account("sepa_debit", iban, "sepa_debit[iban]"))
    if parameters.us_bank_account is not None:
        number = parameters.us_bank_account.account_number
        param = "us_bank_account[account_number]"
        return _bank_account(operation, _known_account("us_bank_account", number, param))
    raise InvalidRequest("Missing required param: card.", code="parameter_missing", param="card")


def _known_account(kind: BankAccountType, number: str, param: str) -> KnownBankAccount:
    account = BANK_ACCOUNTS_BY_NUMBER.get(number)
    if account is None or account.type != kind:
        raise InvalidRequest(
            "This bank account is not one of Stripe's test accounts.",
            code="account_number_invalid",
            param=param,
        )
    return account


def _card_from(operation: Operation, parameters: CardParameters) -> PaymentMethod:
    if parameters.token is not None:
        name = parameters.token.removeprefix("tok_")
        card = CARDS_BY_NAME.get(name) if parameters.token.startswith("tok_") else None
        if card is None:
            raise InvalidRequest(
                f"No such token: '{parameters.token}'",
                code="resource_missing",
                param="card[token]",
            )
        return _shortcut_card(operation, card)
    for name in ("number", "exp_month", "exp_year"):
        if getattr(parameters, name) is None:
            param = f"card[{name}]"
            raise InvalidRequest(
                f"Missing required param: {param}.", code="parameter_missing", param=param
            )
    return card_method(
        operation,
        number=parameters.number or "",
        exp_month=parameters.exp_month or 0,
        exp_year=parameters.exp_year or 0,
        cvc=parameters.cvc,
    )


def card_method(
    operation: Operation, *, number: str, exp_month: int, exp_year: int, cvc: str | None
) -> PaymentMethod:
    """A new card, not yet stored. Raises CardDeclined for numbers, dates and codes that cannot be.

    A number outside Stripe's test cards is refused as Stripe refuses live cards in test mode.
    """
    digits = number.replace(" ", "").replace("-", "")
    if not (
        digits.isascii()
        and digits.isdigit()
        and _NUMBER_LENGTHS[0] <= len(digits) <= _NUMBER_LENGTHS[1]
    ):
        raise _invalid_card("number", "incorrect_number", "Your card number is incorrect.")
    if not passes_luhn(digits):
        raise _invalid_card("number", "incorrect_number", "Your card number is incorrect.")
    card = CARDS_BY_NUMBER.get(digits)
    if card is None:
        raise CardDeclined(
            "Your card was declined. Your request was in test mode, but used a non test card. For a"
            " list of valid test cards, visit: https://stripe.com/docs/testing.",
            code="card_declined",
            details={"decline_code": "test_mode_live_card"},
        )
    _check_expiry(operation.now, exp_month, exp_year)
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) == card.cvc_length):
        raise _invalid_card("cvc", "invalid_cvc", "Your card's security code is invalid.")
    return _card(operation, card, exp_month, exp_year, cvc_check=None if cvc is None else "pass")


def _check_expiry(now: int, exp_month: int, exp_year: int) -> None:
    this_year, this_month = _year_and_month(now)
    if exp_month not in range(1, 13):
        raise _invalid_card(
            "exp_month", "invalid_expiry_month", "Your card's expiration month is invalid."
        )
    if not this_year <= exp_year <= this_year + 50:
        raise _invalid_card(
            "exp_year", "invalid_expiry_year", "Your card's expiration year is invalid."
        )
    if (exp_year, exp_month) < (this_year, this_month):
        raise _invalid_card(
            "exp_month", "invalid_expiry_month", "Your card's expiration month is invalid."
        )


def _invalid_card(param: str, code: str, message: str) -> CardDeclined:
    return CardDeclined(message, code=code, param=param)


def _from_shortcut(operation: Operation, reference: str) -> PaymentMethod | None:
    card = CARDS_BY_NAME.get(reference.removeprefix("pm_card_"))
    if card is not None and reference.startswith("pm_card_"):
        return _shortcut_card(operation, card)
    account = BANK_ACCOUNTS_BY_NAME.get(reference.removeprefix("pm_usBankAccount_"))
    if account is not None and reference.startswith("pm_usBankAccount_"):
        return _bank_account(operation, account)
    return None


def _shortcut_card(operation: Operation, card: KnownCard) -> PaymentMethod:
    year, month = _year_and_month(operation.now)
    return _card(operation, card, month, year + _SHORTCUT_EXPIRY_YEARS, cvc_check=None)


def _card(
    operation: Operation, card: KnownCard, exp_month: int, exp_year: int, *, cvc_check: str | None
) -> PaymentMethod:
    return PaymentMethod(
        id=new_id(PaymentMethod.PREFIX),
        created=operation.now,
        livemode=operation.livemode,
        type="card",
        card=Card(
            brand=card.brand,
            checks=CardChecks(cvc_check=cvc_check),
            country=card.country,
            display_brand=card.brand,
            exp_month=exp_month,
            exp_year=exp_year,
            fingerprint=_fingerprint(card.number),
            funding=card.funding,
            last4=card.last4,
            networks=CardNetworks(available=[card.brand]),
        ),
        simulated=Simulated(number=card.number),
    )


def _bank_account(operation: Operation, account: KnownBankAccount) -> PaymentMethod:
    fingerprint, last4 = _fingerprint(account.number), account.number[-4:]
    sepa = us_account = None
    match account.type:
        case "sepa_debit":
            country, bank_code = account.number[:2], account.number[4:12]
            sepa = SepaDebit(
                bank_code=bank_code, country=country, fingerprint=fingerprint, last4=last4
            )
        case "us_bank_account":
            us_account = UsBankAccount(fingerprint=fingerprint, last4=last4)
    return PaymentMethod(
        id=new_id(PaymentMethod.PREFIX),
        created=operation.now,
        livemode=operation.livemode,
        type=account.type,
        sepa_debit=sepa,
        us_bank_account=us_account,
        simulated=Simulated(number=account.number),
    )


def _fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def _year_and_month(now: int) -> tuple[int, int]:
    today = datetime.fromtimestamp(now, UTC)
    return today.year, today.month
