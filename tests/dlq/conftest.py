import sys
from collections.abc import Callable, Iterator

import pytest

from conftest import Servers
from onhand.cli.main import app
from tests.dlq.letters import Databases

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def filled(servers: Servers) -> Databases:
    """For tests that only read."""
    databases = Databases(servers.embedded)
    databases.fill()
    return databases


@pytest.fixture
def databases(filled: Databases) -> Iterator[Databases]:
    """For tests that change what is there."""
    yield filled
    filled.fill()


@pytest.fixture
def run(filled: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `onhand dlq` with arguments; returns its exit code, output and errors."""
    for service, url in filled.urls.items():
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", url)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["onhand", "dlq", *arguments])
        with pytest.raises(SystemExit) as ended:
            app()
        out, errors = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, errors

    return run
