"""The parameters of a request: what they may look like, and Stripe's words when they do not.

Owns the building blocks of parameter models and the translation of their refusals. Does not own the
parameters of any one endpoint; those stand beside its handler.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from simulator.errors import InvalidRequest
from simulator.forms import FormTree

T = TypeVar("T")
P = TypeVar("P", bound="Parameters")

_INTEGER = re.compile(r"\A-?[0-9]{1,18}\Z")
_EMAIL = re.compile(r"\A[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_EMAIL_LENGTH = 512
_POSITION_DIGITS = 4
_METADATA_KEYS, _METADATA_KEY_LENGTH, _METADATA_VALUE_LENGTH = 50, 40, 500


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.match(value):
        return int(value)
    raise PydanticCustomError(
        "parameter_invalid_integer", "Invalid integer: {given}", _given(value)
    )


def _boolean(value: object) -> bool:
    match value:
        case True | "true":
            return True
        case False | "false":
            return False
        case _:
            raise PydanticCustomError(
                "parameter_invalid_boolean", "Invalid boolean: {given}", _given(value)
            )


def _given(value: object) -> dict[str, object]:
    return {"given": str(value)[:100] if isinstance(value, str) else "hash"}


def _positions(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    if not all(
        isinstance(key, str) and key.isdecimal() and len(key) <= _POSITION_DIGITS for key in value
    ):
        raise PydanticCustomError("invalid_array", "Invalid array")
    return [value[key] for key in sorted(value, key=int)]


def is_email(value: str) -> bool:
    """Whether a text looks like an email address that Stripe would take."""
    return len(value) <= _EMAIL_LENGTH and _EMAIL.match(value) is not None


def _email(value: str) -> str:
    if value and not is_email(value):
        raise PydanticCustomError("email_invalid", "Invalid email address: {given}", _given(value))
    return value


def _web_address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise PydanticCustomError("url_invalid", "Not a valid URL")
    return value


FormInteger = Annotated[int, BeforeValidator(_integer)]
FormBoolean = Annotated[bool, BeforeValidator(_boolean)]
FormList = Annotated[tuple[T, ...], BeforeValidator(_positions)]
Text = Annotated[str, Field(min_length=1, max_length=5000)]
Clearable = Annotated[str, Field(max_length=5000)]
Email = Annotated[str, AfterValidator(_email)]
WebAddress = Annotated[str, Field(min_length=1, max_length=5000), AfterValidator(_web_address)]
Currency = Annotated[str, Field(pattern=r"^[A-Za-z]{3}$"), AfterValidator(str.lower)]


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """What a request does to metadata: keys set, keys unset by an empty value, or all cleared."""

    clears: bool
    values: tuple[tuple[str, str], ...]

    def applied_to(self, metadata: Mapping[str, str]) -> dict[str, str]:
        """The metadata afterwards. Raises InvalidRequest beyond Stripe's 50 keys."""
        result: dict[str, str] = {} if self.clears else dict(metadata)
        for key, value in self.values:
            if value == "":
                result.pop(key, None)
            else:
                result[key] = value
        if len(result) > _METADATA_KEYS:
            raise InvalidRequest(
                f"You can have up to {_METADATA_KEYS} metadata keys.", param="metadata"
            )
        return result


NO_METADATA = MetadataChange(clears=False, values=())


def _metadata(value: object) -> MetadataChange:
    if isinstance(value, MetadataChange):
        return value
    if value == "":
        return MetadataChange(clears=True, values=())
    if not isinstance(value, Mapping):
        raise PydanticCustomError("invalid_hash", "Invalid hash")
    for key, content in value.items():
        if not isinstance(content, str):
            raise PydanticCustomError("metadata_nested", "Metadata values must be strings")
        if len(key) > _METADATA_KEY_LENGTH or len(content) > _METADATA_VALUE_LENGTH:
            raise PydanticCustomError(
                "metadata_too_long",
                "Metadata keys can have up to 40 characters and values up to 500",
            )
    return MetadataChange(clears=False, values=tuple(value.items()))


Metadata = Annotated[MetadataChange, BeforeValidator(_metadata)]


class ParameterHash(BaseModel):
    """A nested hash of parameters; refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameters(ParameterHash):
    """All parameters of one endpoint. `expand` is understood everywhere, as at Stripe."""

    expand: FormList[Text] = ()


def parse_parameters(model: type[P], tree: FormTree) -> P:
    """The tree as `model`. Raises InvalidRequest, in Stripe's words, for the first thing wrong."""
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False)[0]) from error


def _refusal(detail: ErrorDetails) -> InvalidRequest:
    location = [str(part) for part in detail["loc"]]
    param = location[0] + "".join(f"[{part}]" for part in location[1:]) if location else None
    match detail["type"]:
        case "extra_forbidden":
            return InvalidRequest(
                f"Received unknown parameter: {param}", code="parameter_unknown", param=param
            )
        case "missing":
            return InvalidRequest(
                f"Missing required param: {param}.", code="parameter_missing", param=param
            )
        case "string_too_short":
            return InvalidRequest(
                f"You passed an empty string for '{param}'.",
                code="parameter_invalid_empty",
                param=param,
            )
        case "parameter_invalid_integer":
            return InvalidRequest(detail["msg"], code="parameter_invalid_integer", param=param)
        case _:
            return InvalidRequest(f"Invalid {param}: {detail['msg']}", param=param)
