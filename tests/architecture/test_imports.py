"""The rules of who may import whom are in pyproject.toml; `make check` and this test hold them."""

from importlinter.cli import lint_imports


def test_every_import_keeps_to_the_layers() -> None:
    assert lint_imports(no_cache=True) == 0
