from pathlib import Path

import pytest

from onhand.cli.home import make_home
from onhand.cli.reset import NotReset, reset
from onhand.cli.run_state import Claim
from onhand.cli.system import System
from onhand.common.settings import Settings


@pytest.fixture
def said() -> list[str]:
    return []


def system_on(home: Path, redis_url: str = "") -> System:
    return System(Settings(onhand_home=home, redis_url=redis_url, orders_database_url="", inventory_database_url=""))


def test_reset_deletes_what_onhand_made_and_nothing_else(home: Path, said: list[str]) -> None:
    make_home(home)
    (home / "redis").mkdir()
    (home / "notes").write_text("mine")
    reset(system_on(home), lambda _: True, said.append)
    assert [path.name for path in home.iterdir()] == ["notes"]
    assert said == [f"deleted the data in {home}"]


def test_reset_asks_first(home: Path, said: list[str]) -> None:
    make_home(home)
    with pytest.raises(NotReset, match="nothing was deleted"):
        reset(system_on(home), lambda question: question != f"Delete all orders and stock in {home}?", said.append)
    assert (home / "run").is_dir()


def test_reset_refuses_while_something_runs(home: Path, said: list[str]) -> None:
    with Claim(make_home(home) / "run", "postgres") as claim:
        assert claim.take()
        with pytest.raises(NotReset, match=r"^postgres is running \(pid \d+\); `onhand stop` ends it$"):
            reset(system_on(home), lambda _: True, said.append)


def test_reset_refuses_a_directory_that_onhand_did_not_make(home: Path, said: list[str]) -> None:
    (home / "redis").mkdir(parents=True)
    with pytest.raises(NotReset, match="was not made by onhand"):
        reset(system_on(home), lambda _: True, said.append)
    assert (home / "redis").is_dir()


def test_reset_touches_nothing_behind_a_configured_url_and_says_so(home: Path, said: list[str]) -> None:
    reset(system_on(home, "redis://localhost"), lambda _: True, said.append)
    assert said == ["REDIS_URL is set: what is there is not touched", f"there is nothing at {home}"]


def test_reset_deletes_the_short_socket_directories_of_a_deep_home(home: Path, said: list[str]) -> None:
    deep = home / ("deep" * 30)
    system = system_on(deep)
    program = system.embedded.redis()
    make_home(deep)
    program.prepare(said.append)
    sockets = Path(program.address.removeprefix("unix:")).parent
    assert sockets.is_dir()
    reset(system, lambda _: True, said.append)
    assert not sockets.exists()
