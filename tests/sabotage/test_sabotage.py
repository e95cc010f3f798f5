"""The table fits the code, and the command tells what was noticed from what was not."""

from pathlib import Path

import pytest

from tests.sabotage.breakage import Breakage, Change, OutOfDate, copied
from tests.sabotage.breakages import BREAKAGES
from tests.sabotage.trial import attempt, check_unbroken, judge

ROOT = Path(__file__).parents[2]
TEST = "tests/test_sum.py::test_two_and_two"
BREAKAGE = Breakage(
    name="sum",
    sentence="Sums are wrong.",
    promise="I0",
    changes=(Change("tests/test_sum.py", "2 + 2", "2 + 3"),),
    tests=(TEST,),
    says="assert (2 + 3) == 4",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one test."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_sum.py").write_text("def test_two_and_two() -> None:\n    assert (2 + 2) == 4\n")
    return tmp_path


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda it: it.name)
def test_what_would_be_broken_and_who_has_to_notice_are_there(breakage: Breakage, tmp_path: Path) -> None:
    for path in {change.path for change in breakage.changes}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text((ROOT / path).read_text())
    breakage.apply(tmp_path)
    for path in {change.path for change in breakage.changes}:
        compile((tmp_path / path).read_text(), path, "exec")
    for file, _, name in (test.partition("::") for test in breakage.tests):
        assert f"def {name}(" in (ROOT / file).read_text()


def test_names_are_told_apart() -> None:
    assert len({it.name for it in BREAKAGES}) == len(BREAKAGES)


def test_a_text_that_is_not_there_once_is_an_error(root: Path) -> None:
    (root / "tests/test_sum.py").write_text("2 + 2, 2 + 2")
    with pytest.raises(OutOfDate, match=r"sum: tests/test_sum\.py has 2 times"):
        BREAKAGE.apply(root)


def test_what_is_broken_is_a_copy_and_a_failure_is_noticed(root: Path) -> None:
    before = (root / "tests/test_sum.py").read_text()
    check_unbroken([BREAKAGE], root)
    result = attempt(BREAKAGE, root)
    assert (result.verdict, result.reasons) == ("noticed", [])
    assert (root / "tests/test_sum.py").read_text() == before


def test_a_copy_is_gone_afterwards(root: Path) -> None:
    with copied(root) as copy:
        assert (copy / "tests/test_sum.py").exists()
    assert not copy.exists()


def test_a_test_that_passes_has_not_noticed_and_one_that_fails_otherwise_is_told_apart() -> None:
    assert judge(BREAKAGE, {TEST: []}) == ("unnoticed", [f"{TEST} passes"])
    verdict, (reason,) = judge(BREAKAGE, {TEST: ["no server"]})
    assert verdict == "otherwise"
    assert reason.endswith("no server")
