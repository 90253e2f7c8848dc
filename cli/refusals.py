"""What a command says when it cannot do what was asked.

Owns the sentences and exit codes: 1 where something refuses, 2 for a command that is written wrong
(typer's own), 3 where the answer did not arrive and the command may have taken effect.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

REFUSED: Final = 1
UNANSWERED: Final = 3


class Unanswered(Exception):
    """The answer did not arrive in time; the message says how to ask again without harm."""


@contextmanager
def as_sentences() -> Iterator[None]:
    """Ends the process with a sentence in place of a traceback."""
    # Loaded here so that no command waits for what its failure would need.
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from billing.errors import PerennialError  # noqa: PLC0415
    from cli.api_keys import UnknownScope  # noqa: PLC0415
    from local.process import ProcessError  # noqa: PLC0415

    try:
        yield
    except (PerennialError, ProcessError, UnknownScope) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from None
    except Unanswered as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(UNANSWERED) from None
    except (SQLAlchemyError, OSError) as error:
        typer.echo(f"the database does not answer: {error}", err=True)
        raise typer.Exit(REFUSED) from None
