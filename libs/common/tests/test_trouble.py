import pytest
from structlog.testing import capture_logs

from onhand.common.telemetry import Trouble


@pytest.mark.parametrize(
    ("error", "told"), [(TimeoutError(), "TimeoutError"), (OSError("no route"), "OSError: no route")]
)
def test_trouble_is_told_once_by_what_it_says_or_by_its_kind_if_it_says_nothing(error: Exception, told: str) -> None:
    trouble = Trouble("a thing waits")
    with capture_logs() as lines:
        trouble.is_there(error)
        trouble.is_there(error)
        trouble.is_over()
    assert [(line["event"], line.get("error")) for line in lines] == [
        ("a thing waits", told),
        ("a thing waits no more", None),
    ]
    assert trouble.reason == ""
