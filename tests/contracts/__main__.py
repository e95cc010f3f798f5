"""`make docs`: writes what is made from the contracts. With --check it only looks, and fails if anything is stale."""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tests.contracts.asyncapi import document
from tests.contracts.catalogue import describe_all
from tests.contracts.http_api import OPENAPI, breaking_api_changes, http_api
from tests.contracts.messages_page import page
from tests.contracts.schemas import breaking_changes, golden_files, shown

ROOT = Path(__file__).parents[2]


def generated() -> dict[Path, str]:
    """What has to be in each file that is made from the contracts, by its path."""
    messages = describe_all()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return {
        ROOT / "docs" / "messages.md": page(messages),
        ROOT / "docs" / "asyncapi.json": shown(document(messages, version)),
        OPENAPI: shown(http_api()),
        **golden_files(),
    }


def stale() -> list[Path]:
    """The files that are not what the contracts make them."""
    return [path for path, text in generated().items() if not path.exists() or path.read_text() != text]


def main(arguments: Sequence[str]) -> int:
    """Write the files, or look whether they are up to date; returns the exit code.

    No golden schema, nor docs/openapi.json, is renewed by a change that breaks somebody.
    """
    if broken := [*breaking_changes(), *breaking_api_changes()]:
        sys.stderr.write("".join(f"{sentence}\n" for sentence in broken))
        return 1
    if "--check" in arguments:
        for path in stale():
            sys.stderr.write(f"{path.relative_to(ROOT)} is not what the contracts make it: run `make docs`\n")
        return 1 if stale() else 0
    for path in stale():
        path.parent.mkdir(exist_ok=True)
        path.write_text(generated()[path])
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
