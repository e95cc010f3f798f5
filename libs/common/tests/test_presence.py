import pytest

from onhand.common.messaging import presence
from onhand.common.messaging.presence import Presence


class Clock:
    """A clock that a test moves on."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(presence, "time", moved)
    return moved


def test_a_service_that_was_never_heard_of_is_absent_after_a_while_even_if_nobody_asked_before(clock: Clock) -> None:
    heard = Presence()
    clock.now += 3.1
    assert heard.is_absent("orders")


def test_a_service_has_a_while_to_speak_up(clock: Clock) -> None:
    heard = Presence()
    clock.now += 2.9
    assert not heard.is_absent("orders")


def test_a_service_that_was_heard_of_lately_is_there_and_another_is_not(clock: Clock) -> None:
    heard = Presence()
    clock.now += 10
    heard.heard(b"orders")
    clock.now += 2
    assert not heard.is_absent("orders")
    assert heard.is_absent("inventory")


def test_a_service_that_has_fallen_silent_is_absent(clock: Clock) -> None:
    heard = Presence()
    heard.heard(b"orders")
    clock.now += 3.1
    assert heard.is_absent("orders")
