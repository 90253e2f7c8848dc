"""What the local system remembers between runs: the folder `.perennial` of a checkout.

Owns the folder and its files: secrets, ports, and the links of the running system. Only its owner
may read them. Does not own the databases beside them.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from local import ports
from local.process import ProcessError

_FOLDER: Final = ".perennial"

PREFERRED_PORTS: Final[Mapping[str, int]] = {
    "postgres": 5433,
    "temporal": 7233,
    "temporal_ui": 8233,
    "simulator": 12111,
    "worker": 8001,
    "api": 8000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where the parts of the running system answer, and the keys to them."""

    api_url: str
    api_key: str
    temporal_address: str
    temporal_ui_url: str | None = None
    """Unknown for a server that is not ours."""
    simulator_url: str | None = None
    """None where real Stripe answers."""
    simulator_control_token: str | None = None
    worker_health_url: str
    database_url: str


@dataclass(frozen=True, slots=True)
class State:
    """The state of the checkout in `root`; reading it makes nothing."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self.root / _FOLDER

    def make_folder(self) -> None:
        """Make the folder, and take back from others what they could read of it."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise ProcessError(f"cannot keep state in {self.folder}: {error.strerror}") from None

    def secret(self, name: str, *, prefix: str = "") -> str:
        """The secret `name`, generated when it is first asked for."""
        known = self._read("secrets.json")
        if name not in known:
            self.set_secret(name, prefix + secrets.token_hex(24))
        return self._read("secrets.json")[name]

    def known_secret(self, name: str) -> str | None:
        """The secret `name`, if there is one."""
        return self._read("secrets.json").get(name)

    def set_secret(self, name: str, value: str) -> None:
        """Keep `value` as the secret `name`."""
        self._write("secrets.json", self._read("secrets.json") | {name: value})

    def choose_port(self, name: str) -> tuple[int, int | None]:
        """A free port for part `name`: the one it had, else the usual one, else one near it.

        The second value is the port that was wanted and is taken.
        """
        known = self._read("ports.json")
        wanted = int(known.get(name, PREFERRED_PORTS[name]))
        others = {int(port) for part, port in known.items() if part != name}
        port = ports.find_free_port_near(wanted, avoided=others)
        self._write("ports.json", known | {name: str(port)})
        return port, None if port == wanted else wanted

    def write_links(self, links: Links) -> None:
        """Tell other commands where the system answers."""
        present = {name: value for name, value in asdict(links).items() if value is not None}
        self._write("links.json", present)

    def read_links(self) -> Links | None:
        """What the last start told; it may have ended since."""
        known = self._read("links.json")
        return Links(**known) if known else None

    def _read(self, name: str) -> dict[str, str]:
        try:
            content: dict[str, str] = json.loads((self.folder / name).read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ProcessError(
                f"cannot read {self.folder / name} ({error}); restore it or remove it"
            ) from None
        return content

    def _write(self, name: str, content: Mapping[str, str]) -> None:
        """Replace the file in one step: a killed process leaves the old or the new one."""
        incomplete = self.folder / f"{name}.incomplete"
        incomplete.unlink(missing_ok=True)
        descriptor = os.open(incomplete, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
        incomplete.replace(self.folder / name)
