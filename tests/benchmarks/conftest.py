import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory for unix sockets; pytest's own have names that are too long for them."""
    with tempfile.TemporaryDirectory(prefix="onhand-") as name:
        yield Path(name)
