"""The system's own verdict on itself."""

import json
from typing import Any

from tests.e2e.system import System


def verify(system: System, *options: str) -> tuple[int, dict[str, Any]]:
    """Type `onhand verify`; returns its exit code and its verdict."""
    done = system.run("onhand.cli", "verify", "--json", *options)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)
