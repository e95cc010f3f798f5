"""What a listener was told is held against the log, and whatever differs is said."""

import pytest

from tests.e2e.listening import Event
from tests.failures.audience import Place, place_of, wrong_with

BEFORE = Place(4, "00000000-0000-0000-0000-000000000000", 0)
A, B, C, D = Place(5, "a", 1), Place(5, "b", 1), Place(7, "a", 2), Place(9, "b", 2)
LOG = [Place(3, "old", 1), A, B, C, D]


@pytest.mark.parametrize("told", [[], [A], [A, B, C], [A, B, C, D]])
def test_who_has_come_so_far_without_a_gap_is_right(told: list[Place]) -> None:
    assert [*wrong_with(BEFORE, told, LOG)] == []


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ([A, C], f"was not told 1 entries, such as {B}"),
        ([B, C, D], f"was not told 1 entries, such as {A}"),
        ([A, B, B, C], f"was told 1 entries more than once, such as {B}"),
        ([A, C, B], f"was told 1 times of something earlier, such as {B} after {C}"),
        ([A, B, Place(6, "c", 1)], f"was told 1 entries that are not there, such as {Place(6, 'c', 1)}"),
        ([LOG[0], A, B], f"was told 1 entries that are not there, such as {LOG[0]}"),
    ],
)
def test_what_is_wrong_is_said(told: list[Place], wrong: str) -> None:
    assert [*wrong_with(BEFORE, told, LOG)] == [wrong]


def test_an_event_that_tells_of_another_entry_than_its_id_is_refused() -> None:
    assert place_of(Event("5-a-1", {"orderId": "a", "version": 1})) == A
    with pytest.raises(AssertionError):
        place_of(Event("5-a-1", {"orderId": "a", "version": 2}))
