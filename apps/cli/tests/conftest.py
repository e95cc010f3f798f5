import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """A place for ONHAND_HOME whose path is short enough for sockets and open enough for PostgreSQL under root."""
    with tempfile.TemporaryDirectory(prefix="onhand-test-") as directory:
        yield Path(directory) / "home"
