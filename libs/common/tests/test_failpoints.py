import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onhand.common.failpoints import POINTS

AT_A_POINT = """
import sys
from pathlib import Path
from onhand.common.failpoints import arm, hit
arm("orders", "inventory.before_mark, orders.after_commit", Path(sys.argv[1]))
hit(sys.argv[2])
"""


def be_at(point: str, home: Path) -> int:
    return subprocess.run([sys.executable, "-c", AT_A_POINT, str(home), point], check=False).returncode


def test_a_process_dies_at_an_armed_point_once(tmp_path: Path) -> None:
    assert be_at("after_commit", tmp_path) == -signal.SIGKILL
    assert be_at("after_commit", tmp_path) == 0


@pytest.mark.parametrize("point", ["before_commit", "before_mark"])
def test_a_process_goes_on_at_points_that_are_not_armed_or_not_its_own(tmp_path: Path, point: str) -> None:
    assert be_at(point, tmp_path) == 0


def test_every_point_that_has_a_name_is_in_the_code() -> None:
    source = "".join(path.read_text() for path in Path("libs/common/src").rglob("*.py"))
    assert all(f'hit("{point}")' in source for points in POINTS.values() for point in points)
