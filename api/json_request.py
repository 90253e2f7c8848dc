"""Reading a request's JSON body strictly.

Owns what counts as readable JSON: no NaN or Infinity, no key twice, no text that the database
cannot hold (NUL, lone surrogates), no nesting or number that exhausts the parser. Does not own
what the fields mean (`api.fields`).
"""

import json
import re
from collections.abc import Iterator
from typing import Final, NoReturn

from fastapi import Request

from api.problems import Malformed
from billing.errors import InvalidInput

_DEEPEST: Final = 32
_UNSTORABLE: Final = re.compile("[\\x00\\ud800-\\udfff]")


class JsonRequest(Request):
    """A request whose `json()` refuses what must not get any further."""

    async def json(self) -> object:
        """Raises `Malformed` (`json_malformed`, …) or `InvalidInput` (`unstorable_text`)."""
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


def parse_json(body: bytes) -> object:
    """The value that `body` describes; raises as `JsonRequest.json` says."""
    try:
        text = body.decode("utf-8")
        value: object = _STRICT.decode(text)
    except UnicodeDecodeError:
        raise Malformed("json_malformed", "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        message = f"the body is not JSON: {error.msg} at character {error.pos}"
        raise Malformed("json_malformed", message) from None
    except RecursionError:
        raise Malformed("json_too_deep", "the body is nested too deeply") from None
    except ValueError:
        raise InvalidInput("number_out_of_range", "a number has too many digits") from None
    _check_storable(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInput("number_not_finite", f"{name} is not a number that JSON knows")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("json_duplicate_key", "an object of the body has the same key twice")
    return members


_STRICT: Final = json.JSONDecoder(
    parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
)


def _check_storable(value: object) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise Malformed("json_too_deep", f"the body is nested more than {_DEEPEST} levels deep")


def _children(value: object) -> Iterator[object]:
    match value:
        case str():
            check_text(value)
        case dict():
            yield from value.keys()
            yield from value.values()
        case list():
            yield from value
        case _:
            return


def check_text(text: str) -> None:
    """Raises `InvalidInput` (`unstorable_text`) for NUL and lone surrogates."""
    if _UNSTORABLE.search(text):
        raise InvalidInput(
            "unstorable_text", "text must not contain NUL characters or lone surrogates"
        )
