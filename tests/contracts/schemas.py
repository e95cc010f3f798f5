"""The golden schemas: the shape that every message had when somebody last looked, and what a change of it breaks.

A file is renewed by `make docs` if the change breaks nobody. If it does, nothing is, before there is a new version.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from onhand.common.contracts import CONTRACTS, Command, Message, Older, Query
from onhand.common.messaging.versions import versions_of
from tests.contracts.compatibility import Breaks, compare

GOLDEN_SCHEMAS = Path(__file__).parent / "golden_schemas"

_HOW = {
    Breaks.WRITERS: "what was stored or sent before would not be read as it was meant",
    Breaks.READERS: "who reads it as it was would not understand it",
}


def golden_files() -> dict[Path, str]:
    """What has to be in each file, by its path."""
    return {path_of(it.TYPE): shown(shape_of(it)) for it in _everything_read()}


def shape_of(contract: type[Message]) -> dict[str, Any]:
    """All of a contract that anybody can rely on; words for people are left out."""
    shape = {"topic": getattr(contract, "TOPIC", None), "subject": contract.SUBJECT}
    schema: dict[str, Any] = _without_words(msgspec.json.schema(contract))
    return {name: value for name, value in shape.items() if value} | schema


def breaking_changes(directory: Path = GOLDEN_SCHEMAS) -> Iterator[str]:
    """Say of every message what its change breaks, and what to do about it."""
    contracts = {it.TYPE: it for it in _everything_read()}
    for path in sorted(directory.glob("*.json")):
        before = json.loads(path.read_text())
        if path.stem not in contracts:
            yield (
                f"{path.stem} is gone: what is stored of it could not be read. Keep it as an `Older` of the version"
                f" after it; if nothing of it can be stored anywhere, delete {path.name} from {directory.name}/"
            )
        else:
            yield from broken_by(contracts[path.stem], before)


def broken_by(contract: type[Message], before: dict[str, Any]) -> Iterator[str]:
    """Say what the change of one contract breaks.

    Args:
        contract: as it is now.
        before: its golden schema.
    """
    now = shape_of(contract)
    # What was a contract until it became an older version is published nowhere any more.
    for name in ("subject",) if issubclass(contract, Older) else ("topic", "subject"):
        if before.get(name) != now.get(name):
            yield _sentence(contract, f"its {name} is {now.get(name)}, was {before.get(name)}", Breaks.READERS)
    has_other_readers = not issubclass(contract, Command | Query | Older)
    matters = Breaks.WRITERS | Breaks.READERS if has_other_readers else Breaks.WRITERS
    for change in sorted(compare(_schema_in(before), _schema_in(now)), key=lambda it: (it.path, it.what)):
        if broken := change.breaks & matters:
            yield _sentence(contract, f"{change.path} {change.what}", broken)


def _schema_in(shape: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shape.items() if name not in {"topic", "subject"}}


def path_of(message_type: str) -> Path:
    """Where a golden schema lies."""
    return GOLDEN_SCHEMAS / f"{message_type}.json"


def shown(document: object) -> str:
    """JSON as it lies in files."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _everything_read() -> Iterator[type[Message]]:
    for contract in CONTRACTS:
        yield from versions_of(contract)


def _sentence(contract: type[Message], problem: str, breaks: Breaks) -> str:
    name, _, number = contract.TYPE.rpartition(".v")
    how = ", and ".join(words for it, words in _HOW.items() if it in breaks)
    return f"{contract.TYPE}: {problem}: {how}. Leave it, and make {name}.v{int(number) + 1} beside it"


def _without_words(schema: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(schema, dict):
        return {
            name: _without_words(value)
            for name, value in schema.items()
            if not (name in {"title", "description"} and isinstance(value, str))
        }
    return [_without_words(it) for it in schema] if isinstance(schema, list) else schema
