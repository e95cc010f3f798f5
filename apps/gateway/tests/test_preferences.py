"""Of all that a client may prefer, how long it would wait is understood, and nothing else is in the way."""

import contextlib
import time

import pytest

from onhand.gateway.preferences import UnclearWait, wait_seconds


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (["wait=10"], 10),
        (["WAIT = 10"], 10),
        (["wait\t=\t007"], 7),
        (['wait="10"'], 10),
        (["wait=0"], 0),
        (["wait=30"], 30),
        (["wait=31"], 30),
        (["wait=" + "9" * 5000], 30),
        (["respond-async, wait=5"], 5),
        (["respond-async", 'foo="a, wait=1; \\", wait=2"', "return=minimal; x=y, wait=3; foo; bar=1;; , wait=4"], 3),
        (["wait=3", "wait=x"], 3),
        (["wait=1;", "wait=2"], 1),
        (["return=minimal"], None),
        (["await=1, wait-a-while=2"], None),
        ([""], None),
        ([", ,", "=5", '"wait=5', "@"], None),
        (["(wait=5)"], None),
    ],
)
def test_a_wait_is_found_among_other_preferences(lines: list[str], seconds: int | None) -> None:
    assert wait_seconds(lines) == seconds


@pytest.mark.parametrize(
    "line",
    [
        "wait",
        "wait=",
        "wait=x",
        "wait=-1",
        "wait=+1",
        "wait=1.5",
        "wait=1 2",
        "wait=1s",
        "wait; x=1",
        'wait="1',
        "wait:1",
        "wait=\u0663",
        "wait=5; foo=@",
    ],
)
def test_a_wait_that_says_no_seconds_is_unclear(line: str) -> None:
    with pytest.raises(UnclearWait):
        wait_seconds(["return=minimal", line])


@pytest.mark.parametrize(
    "line", ['"' + '\\"' * 30_000, "wait=1" + " " * 60_000 + "x", "wait=1" + "; \t" * 20_000, ";" * 60_000]
)
def test_what_is_long_and_odd_takes_no_longer_to_read(line: str) -> None:
    began = time.perf_counter()
    with contextlib.suppress(UnclearWait):
        wait_seconds([line])
    assert time.perf_counter() - began < 0.5
