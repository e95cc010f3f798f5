"""What waits for a listener is taken in order, and has a bound."""

import asyncio
from uuid import UUID

import pytest
from msgspec import structs

from onhand.gateway.live import listener as listener_module
from onhand.gateway.live.feed import BEGINNING, Interest, Page, Told
from onhand.gateway.live.listener import MOST_WAITING_BYTES, MOST_WAITING_SECONDS, Listener
from onhand.gateway.live.wanted import Wanted

ORDER = UUID("01a206cd-427d-77a1-8aa6-7ee7769e5ae9")
OTHER = UUID("01a206cd-427d-77a1-8aa6-7ee7769e5aea")


def place(turn: int, order_id: UUID = ORDER, version: int = 1) -> str:
    return f"{turn}-{order_id}-{version}"


def told(turn: int, order_id: UUID = ORDER, customer: str = "ann") -> Told:
    return Told(place(turn, order_id), str(order_id), customer, f"<{turn}>".encode())


def page(*entries: Told, end: int) -> Page:
    return Page([*entries], place(end), has_more=False, is_unfinished=False)


async def taken(listener: Listener) -> bytes:
    """All that waits."""
    whole = b""
    while piece := await listener.take(0.01):
        whole += piece
    return whole


async def test_all_that_is_offered_is_taken_in_order_whatever_its_length() -> None:
    listener = Listener(Interest(), BEGINNING)
    parts = [bytes([number % 256]) * (number * 997 % 50_000 + 1) for number in range(60)]
    for part in parts:
        listener.offer(part)
    assert await taken(listener) == b"".join(parts)


async def test_what_is_written_at_once_never_overtakes_what_waits() -> None:
    listener, written = Listener(Interest(), BEGINNING), []
    can_write = True

    def write_now(events: bytes) -> bool:
        if can_write:
            written.append(events)
        return can_write

    listener.write_now = write_now
    listener.offer(b"1")  # nobody has come to take yet
    assert await listener.take(0.01) == b"1"
    taking = asyncio.create_task(listener.take(10))
    await asyncio.sleep(0)
    listener.offer(b"2")
    assert written == [b"2"]
    can_write = False  # the client reads too slowly
    listener.offer(b"3")
    can_write = True
    listener.offer(b"4")
    assert await taking == b"34"
    listener.offer(b"5")  # the task is busy with what it has taken
    assert written == [b"2"]
    assert await listener.take(0.01) == b"5"


async def test_who_takes_too_little_is_dropped_and_gets_no_more() -> None:
    listener, dropped = Listener(Interest(), BEGINNING), []
    listener.when_dropped = lambda: dropped.append(True)
    half = b"x" * (MOST_WAITING_BYTES // 2)
    for _ in range(2):
        listener.offer(half)
    assert (listener.is_dropped, dropped) == (False, [])
    for _ in range(2):
        listener.offer(b"x")
    assert (listener.is_dropped, dropped) == (True, [True])
    assert await listener.take(0.01) is None


async def test_who_takes_nothing_for_too_long_is_dropped_however_little_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(listener_module, "monotonic", lambda: now)
    reads, deaf = Listener(Interest(), BEGINNING), Listener(Interest(), BEGINNING)
    for now in range(0, 200, 20):
        reads.offer(b"x" * 40_000)  # more than is taken
        await reads.take(0.01)
        if now <= MOST_WAITING_SECONDS:
            deaf.offer(b"x")
    assert (reads.is_dropped, deaf.is_dropped) == (False, False)
    deaf.offer(b"x")
    assert deaf.is_dropped


async def test_one_piece_may_be_longer_than_all_that_may_wait() -> None:
    listener = Listener(Interest(), BEGINNING)
    listener.offer(b"x" * (MOST_WAITING_BYTES + 1))
    assert len(await taken(listener)) == MOST_WAITING_BYTES + 1


async def test_a_listener_that_is_closed_gives_what_waits_and_then_its_end() -> None:
    listener = Listener(Interest(), BEGINNING)
    listener.offer(b"x")
    listener.close()
    listener.offer(b"y")
    assert [await listener.take(1), await listener.take(1)] == [b"x", None]


async def test_each_is_given_what_it_wants_and_is_later_than_its_own_position() -> None:
    everything, of_order, of_customer, late = (
        Listener(Interest(), BEGINNING),
        Listener(Interest(order_id=ORDER), BEGINNING),
        Listener(Interest(customer_id="bob"), BEGINNING),
        Listener(Interest(), place(2, OTHER)),
    )
    wanted = Wanted([everything, of_order, of_customer, late])
    assert wanted.query().after == BEGINNING
    assert sum(wanted.give_out(page(told(1), told(2, OTHER, "bob"), told(3), end=4))) == 21
    assert [await taken(it) for it in (everything, of_order, of_customer, late)] == [
        b"<1><2><3>",
        b"<1><3>",
        b"<2>",
        b"<3>",
    ]
    assert {it.position for it in (everything, of_order, of_customer, late)} == {place(4)}
    assert sum(wanted.give_out(page(told(3), told(5), end=5))) == 9  # a question that began earlier, for one who joined
    assert await taken(everything) == b"<5>"


async def test_all_that_want_the_same_are_written_the_same_bytes_once_however_many_they_are() -> None:
    listeners, written = [Listener(Interest(), BEGINNING) for _ in range(3)], []

    def write_now(events: bytes) -> bool:
        written.append(events)
        return True

    async with asyncio.TaskGroup() as tasks:
        for listener in listeners:
            listener.write_now = write_now
            tasks.create_task(listener.take(10))
        await asyncio.sleep(0)
        entries = [structs.replace(told(turn), event=bytes(50_000)) for turn in range(1, 21)]
        sizes = list(Wanted(listeners).give_out(page(*entries, end=30)))
        for listener in listeners:
            listener.close()
    assert sizes == [1_000_000] * 3
    assert [events is written[0] for events in written] == [True] * 3


async def test_a_question_names_who_is_listened_to_or_asks_for_everything() -> None:
    some = [Listener(Interest(order_id=ORDER), place(7)), Listener(Interest(customer_id="bob"), place(5))]
    query = Wanted(some).query()
    assert (query.after, query.order_ids, query.customer_ids) == (place(5), (ORDER,), ("bob",))
    everything = Wanted([*some, Listener(Interest(), place(6))]).query()
    assert not everything.order_ids
    many = [Listener(Interest(customer_id=f"c{number}"), place(5)) for number in range(5001)]
    assert not Wanted([*some, *many]).query().customer_ids
