import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import target


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory for unix sockets; pytest's own have names that are too long for them."""
    with tempfile.TemporaryDirectory(prefix="onhand-") as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def _few_wal_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let systems that a test starts go without a gigabyte of files, which is there for the sake of the figures.

    Those of a whole module begin before this, and have them: one test looks.
    """
    monkeypatch.setattr(target, "fill_wal", lambda _: None)
