"""The words and options of `perennial catalog`.

Owns what operators type. Does not own what is shown (`cli.catalog`) nor what publishing does
(`adapters.catalog_publishing`).
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.checkout import find_root
from cli.instants import instant_of
from cli.refusals import as_sentences

app = typer.Typer(no_args_is_help=True, help="The catalog: what is sold, and from when.")

Files = Annotated[Path, typer.Argument(help="A YAML file, or a folder of them.", metavar="PATH")]
Json = Annotated[bool, typer.Option("--json", help="Say it in JSON.")]
From = Annotated[
    datetime | None,
    typer.Option(
        "--effective-at",
        parser=instant_of,
        metavar="INSTANT",
        help="On sale from 2026-07-01T00:00Z on; at once where not given.",
    ),
]
Who = Annotated[
    str | None, typer.Option("--actor", help="Who you are; your login name where not given.")
]


@app.command("schema")
def show_schema() -> None:
    """Show the JSON Schema of catalog files, for editors."""
    from adapters.catalog_schema import catalog_schema_text  # noqa: PLC0415

    typer.echo(catalog_schema_text(), nl=False)


@app.command("validate")
def validate(path: Files) -> None:
    """Say what must be corrected in the files; they are not published."""
    with as_sentences():
        from cli import catalog  # noqa: PLC0415

        catalog.validate(path)


@app.command("plan")
def show_plan(path: Files, *, effective_at: From = None, as_json: Json = False) -> None:
    """Say what publishing the files would do, to whom and what for; nothing is changed."""
    with as_sentences():
        from cli import catalog, database  # noqa: PLC0415

        url = database.find_url(find_root())
        may_be_applied = catalog.plan(url, path, effective_at=effective_at, as_json=as_json)
    if not may_be_applied:
        raise typer.Exit(1)


@app.command("apply")
def apply(
    path: Files,
    *,
    planned: Annotated[
        str | None,
        typer.Option("--plan", metavar="DIGEST", help="What `plan` said, or nothing."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; the catalog's history keeps it.")] = None,
    effective_at: From = None,
    actor: Who = None,
) -> None:
    """Publish the files as the next version of the catalog, wholly or not at all."""
    with as_sentences():
        from cli import catalog, database  # noqa: PLC0415

        root = find_root()
        catalog.apply(
            root,
            database.find_url(root),
            path,
            planned=planned,
            reason=reason,
            effective_at=effective_at,
            actor=actor,
        )


@app.command("export")
def export(
    *,
    version: Annotated[
        int | None, typer.Option(min=1, help="Its number; the latest where not given.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write the files into this folder, which is made.")
    ] = None,
) -> None:
    """Show the files of a published version as they were written."""
    with as_sentences():
        from cli import catalog, database  # noqa: PLC0415

        catalog.export(database.find_url(find_root()), number=version, to=to)


@app.command("history")
def history(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """List the published versions, latest first."""
    with as_sentences():
        from cli import catalog, database  # noqa: PLC0415

        catalog.history(database.find_url(find_root()), limit=limit, as_json=as_json)


@app.command("withdraw")
def withdraw(
    number: Annotated[int, typer.Argument(min=1, help="As `history` shows it.")],
    *,
    reason: Annotated[str | None, typer.Option(help="Why; the audit log keeps it.")] = None,
    actor: Who = None,
) -> None:
    """Take back a version that is not in force yet."""
    with as_sentences():
        from cli import catalog, database  # noqa: PLC0415

        url = database.find_url(find_root())
        catalog.withdraw(url, number, reason=reason, actor=actor)
