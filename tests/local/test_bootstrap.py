"""Making the virtual environment of a small checkout that needs nothing from the network."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parents[2]
_SECONDS = 120
_BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "small-1-py3-none-any.whl"
    info = {
        "small.py": "",
        "small-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n",
        "small-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n"
        "Tag: py3-none-any\\n",
    }
    info["small-1.dist-info/RECORD"] = "".join(f"{path},,\\n" for path in info)
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path, text in info.items():
            wheel.writestr(path, text)
    return name
def get_requires_for_build_editable(config_settings=None):
    return []
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A checkout, and how its environment was made."""

    root: Path
    first: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Made once, from the half of an environment: making one takes ten seconds of a processor."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "local").mkdir()
    shutil.copy(_CHECKOUT / "local" / "bootstrap.py", root / "local")
    (root / "requirements-dev.lock").touch()
    (root / "backend.py").write_text(_BACKEND)
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "small"\nversion = "1"\n'
    )
    programs = root / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(Path(sys.executable).resolve())
    return Made(root, prepare(root))


@pytest.fixture
def checkout(made: Made) -> Path:
    """A checkout whose environment has been made."""
    assert made.first.returncode == 0, made.first.stderr
    return made.root


def prepare(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "local" / "bootstrap.py")],
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )


def can_import(root: Path, module: str) -> bool:
    python = root / ".venv" / "bin" / "python"
    asked = subprocess.run([python, "-c", f"import {module}"], check=False, capture_output=True)
    return asked.returncode == 0


def test_an_environment_that_is_there_is_left_alone(checkout: Path) -> None:
    assert can_import(checkout, "small")
    before = (checkout / ".venv" / "bootstrap.json").stat().st_mtime_ns
    again = prepare(checkout)
    assert (again.returncode, again.stderr) == (0, "")
    assert (checkout / ".venv" / "bootstrap.json").stat().st_mtime_ns == before


def test_a_changed_lock_file_is_installed(checkout: Path) -> None:
    (checkout / "requirements-dev.lock").write_text("# other\n")
    again = prepare(checkout)
    assert again.returncode == 0
    assert "installing what requirements-dev.lock names" in again.stderr
    assert prepare(checkout).stderr == ""


def test_a_package_without_its_hash_is_refused_and_the_next_run_heals(checkout: Path) -> None:
    lock = checkout / "requirements-dev.lock"
    before = lock.read_text()
    lock.write_text("somepackage==1.0\n")
    refused = prepare(checkout)
    assert refused.returncode == 1
    assert "hash" in refused.stderr.lower(), refused.stderr
    assert "Traceback" not in refused.stderr
    lock.write_text(before)
    assert prepare(checkout).returncode == 0
    assert can_import(checkout, "small")


def test_half_an_environment_is_made_anew_instead_of_using_the_machines_python(made: Made) -> None:
    assert (made.first.returncode, "making " in made.first.stderr) == (0, True), made.first.stderr
    assert (made.root / ".venv" / "pyvenv.cfg").exists()
    assert can_import(made.root, "small")
