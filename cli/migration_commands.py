"""The words and options of `perennial migrations`.

Owns what operators type. Does not own what is shown and done (`cli.migrations`).
"""

from datetime import datetime
from typing import Annotated

import typer

from cli.checkout import find_root
from cli.instants import instant_of
from cli.refusals import as_sentences

app = typer.Typer(
    no_args_is_help=True, help="Price migrations: move running subscriptions to another price."
)

Migration = Annotated[str, typer.Argument(help="As `list` shows it: mig_…", metavar="ID")]
From = Annotated[
    list[str],
    typer.Option("--from", help="team_monthly@1, or team_monthly for every version; repeat it."),
]
To = Annotated[str, typer.Option("--to", help="team_monthly@2")]
Date = Annotated[
    datetime,
    typer.Option("--date", parser=instant_of, metavar="INSTANT", help="No renewal moves before."),
]
Notice = Annotated[
    int, typer.Option("--notice-days", min=0, max=365, help="Told so long before, at least.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; the audit log keeps it.")]
Who = Annotated[
    str | None, typer.Option("--actor", help="Who you are; your login name where not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Say it in JSON.")]


@app.command("rehearse")
def rehearse(
    *, sources: From, target: To, date: Date, notice_days: Notice = 30, as_json: Json = False
) -> None:
    """Say who would move, who would stay and why, and what it does to revenue."""
    with as_sentences():
        from cli import database, migrations  # noqa: PLC0415

        wish = migrations.Wish(
            sources=tuple(sources), target=target, migrates_at=date, notice_days=notice_days
        )
        migrations.rehearse(database.find_url(find_root()), wish, as_json=as_json)


@app.command("start")
def start(  # noqa: PLR0913 - one option each
    *,
    sources: From,
    target: To,
    date: Date,
    notice_days: Notice = 30,
    rehearsal: Annotated[str, typer.Option(help="The digest that `rehearse` said.")],
    canary: Annotated[
        str | None, typer.Option(help="Who is told first: 5% or 20. The others wait.")
    ] = None,
    canary_hours: Annotated[
        int | None,
        typer.Option(min=1, max=8760, help="How long; without it until `continue`."),
    ] = None,
    per_minute: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many are told in a minute, at most.")
    ] = 600,
    reason: Why,
    actor: Who = None,
    as_json: Json = False,
) -> None:
    """Do what was rehearsed, or say that the world has changed."""
    with as_sentences():
        from cli import database, migrations  # noqa: PLC0415

        root = find_root()
        wish = migrations.Wish(
            sources=tuple(sources),
            target=target,
            migrates_at=date,
            notice_days=notice_days,
            canary=migrations.canary_of(canary, hours=canary_hours),
            per_minute=per_minute,
        )
        migrations.start(
            root,
            database.find_url(root),
            wish,
            digest=rehearsal,
            reason=reason,
            actor=actor,
            as_json=as_json,
        )


@app.command("list")
def list_migrations(
    *, limit: Annotated[int, typer.Option(min=1, max=100)] = 20, as_json: Json = False
) -> None:
    """List migrations, newest first."""
    with as_sentences():
        from cli import database, migrations  # noqa: PLC0415

        migrations.show_list(database.find_url(find_root()), limit=limit, as_json=as_json)


@app.command("show")
def show(
    migration: Migration,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Until nobody is left to tell.")] = False,
    as_json: Json = False,
) -> None:
    """Show how far it is, and what it has changed so far."""
    with as_sentences():
        from cli import database, migrations  # noqa: PLC0415

        migrations.show(database.find_url(find_root()), migration, watch=watch, as_json=as_json)


@app.command("skipped")
def skipped(
    migration: Migration,
    *,
    reason: Annotated[str | None, typer.Option(help="Only for this reason.")] = None,
    as_json: Json = False,
) -> None:
    """List every subscription that stays at its price, with the reason."""
    with as_sentences():
        from cli import database, migrations  # noqa: PLC0415

        migrations.show_skipped(
            database.find_url(find_root()), migration, reason=reason, as_json=as_json
        )


@app.command("pause")
def pause(migration: Migration, *, reason: Why, actor: Who = None) -> None:
    """Tell nobody else; who was told moves all the same."""
    _steer(migration, "pause", reason, actor)


@app.command("resume")
def resume(migration: Migration, *, reason: Why, actor: Who = None) -> None:
    """Go on where it was paused."""
    _steer(migration, "resume", reason, actor)


@app.command("continue")
def go_on(migration: Migration, *, reason: Why, actor: Who = None) -> None:
    """Tell everybody else: the first ones were watched long enough."""
    _steer(migration, "continue", reason, actor)


@app.command("rollback")
def rollback(migration: Migration, *, reason: Why, actor: Who = None) -> None:
    """Let whoever has not renewed at the new price stay at the old one."""
    _steer(migration, "rollback", reason, actor)


def _steer(migration: str, update: str, reason: str, actor: str | None) -> None:
    with as_sentences():
        from cli import database, migrations  # noqa: PLC0415

        root = find_root()
        migrations.steer(
            root, database.find_url(root), migration, update, reason=reason, actor=actor
        )
