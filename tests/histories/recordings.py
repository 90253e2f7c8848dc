"""The recorded histories and fingerprints, as files beside this one.

Owns their names and form. A history is one event a line, without the names of the machines that it
was recorded on; payloads are as the server stored them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter
from temporalio.client import WorkflowHistory

from tests.histories.fingerprint import fingerprint

_FOLDER: Final = Path(__file__).parent
_FINGERPRINTS: Final = _FOLDER / "fingerprints.json"
_LINES: Final = TypeAdapter(dict[str, list[str]])


def names() -> list[str]:
    """Of every recorded history."""
    return sorted(path.stem for path in _FOLDER.glob("*.json") if path != _FINGERPRINTS)


def read(name: str) -> WorkflowHistory:
    """A recorded history."""
    return WorkflowHistory.from_json(f"recorded/{name}", _path(name).read_text())


def write(name: str, history: WorkflowHistory) -> None:
    """Records a history under a name."""
    events = [_anonymous(event) for event in history.to_json_dict()["events"]]
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    _path(name).write_text(f'{{"events":[\n{lines}\n]}}\n')


def read_fingerprints() -> Mapping[str, list[str]]:
    """The commands of each life, as they were when last accepted."""
    return _LINES.validate_json(_FINGERPRINTS.read_bytes()) if _FINGERPRINTS.exists() else {}


def write_fingerprints(histories: Mapping[str, WorkflowHistory]) -> None:
    """Accepts the commands of these lives; those of others stay."""
    known = dict(read_fingerprints())
    known |= {name: fingerprint(history) for name, history in histories.items()}
    _FINGERPRINTS.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


def _path(name: str) -> Path:
    return _FOLDER / f"{name}.json"


def _anonymous(recorded: object) -> object:
    """Without who polled and where code lay: machines and paths mean nothing to a replay."""
    if isinstance(recorded, dict):
        if recorded.get("kind") == "TASK_QUEUE_KIND_STICKY":
            return recorded | {"name": "sticky"}
        kept = (item for item in recorded.items() if item[0] not in {"identity", "stackTrace"})
        return {key: _anonymous(value) for key, value in kept}
    if isinstance(recorded, list):
        return [_anonymous(value) for value in recorded]
    return recorded
