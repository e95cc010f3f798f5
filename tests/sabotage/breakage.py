"""What a breakage is, and how it is done to a copy of the sources."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

SOURCES = ("apps", "libs", "tests", "benchmarks", "conftest.py", "pyproject.toml")
"""What tests are run from."""
_NOT_SOURCES = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")


class OutOfDate(Exception):
    """The code is not as the table of breakages says, so that nothing could be broken as it says."""


class Change(NamedTuple):
    """One piece of text that is put in the place of another.

    Attributes:
        path: of the file, from the root of the repository on.
        old: is there exactly once.
    """

    path: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Breakage:
    """A fault that somebody might bring into the code, and the tests that have to notice.

    Attributes:
        sentence: what is broken.
        promise: which one of docs/reliability.md is not kept any more.
        changes: what is changed for it.
        tests: node ids, as pytest has them, without parameters; each has to fail.
        says: what each of their failures says, so that a failure for another reason is not taken for this one.
    """

    name: str
    sentence: str
    promise: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]
    says: str

    def apply(self, root: Path) -> None:
        """Break what is below a directory.

        Raises:
            OutOfDate: a text that should be there exactly once is not.
        """
        for path, old, new in self.changes:
            file = root / path
            text = file.read_text()
            if (count := text.count(old)) != 1:
                raise OutOfDate(f"{self.name}: {path} has {count} times, and not once: {old.strip()}")
            file.write_text(text.replace(old, new))


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """Copy the sources for the length of the block; what is done to the copy is not done to them."""
    with TemporaryDirectory(prefix="onhand-sabotage-") as name:
        for source in SOURCES:
            if (root / source).is_dir():
                shutil.copytree(root / source, Path(name) / source, ignore=_NOT_SOURCES)
            elif (root / source).exists():
                shutil.copy2(root / source, Path(name) / source)
        yield Path(name)
