"""A shop at its busiest: whatever may cross each other on the way does, and services die meanwhile."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.e2e.databases import read
from tests.e2e.replicas import second_replicas
from tests.e2e.system import SERVICES
from tests.e2e.traffic import put, set_stock
from tests.e2e.waiting import eventually
from tests.failures import errands
from tests.failures.clients import Ask, Play, Wish, insist, play_together
from tests.failures.errands import Errand
from tests.failures.load import seeded
from tests.failures.scenario import Run, Scenario

PLAYERS = 12
_EAST = "east"
_TTL_SECONDS = 1
"""The shortest that a hold can have."""


def race(run: Run) -> None:
    """Cancel against reserve and fulfil, expire against use, receive against backorder, transfer against allocate."""
    put(run.system, f"locations/{_EAST}", {"priority": 50})
    with second_replicas(run.system, "orders", "inventory"):
        for number in run.rounds():
            for name, one in _RACES.items():
                with _killing(run, f"{number}-{name}"):
                    one(run, f"race-{number}-{name}")
                run.figures["races"] += 1
                run.tell(run.figures)


def _cancel_against_reserve(run: Run, name: str) -> None:
    """Each order is cancelled as soon as it is there, twice."""
    set_stock(run.system, name, PLAYERS // 2)

    def play(number: int) -> Play:
        async def buy_and_cancel(ask: Ask) -> None:
            order_id = await _buy(ask, f"{name}-{number}", name, "backorder")
            await _all(ask, [errands.cancel(order_id, f"{name}-{number}-{again}") for again in range(2)])

        return buy_and_cancel

    _play(run, [play(number) for number in range(PLAYERS)])
    eventually(lambda: _ends(run, name) == {"cancelled": PLAYERS})
    eventually(lambda: _levels(run, name) == {"main": (PLAYERS // 2, 0)})


def _fulfil_against_cancel(run: Run, name: str) -> None:
    """Of each order one client wants it sent off, and another wants it no more: one of them is heard."""
    set_stock(run.system, name, 2 * PLAYERS)
    orders = _confirmed(run, name, 2)
    plays = [
        _insisting([it])
        for order_id in orders
        for it in (errands.fulfil(order_id, f"{order_id}-sent"), errands.cancel(order_id, f"{order_id}-cancelled"))
    ]
    run.random.shuffle(plays)
    _play(run, plays)
    ends = _ends(run, name)
    eventually(lambda: _levels(run, name) == {"main": (2 * ends["cancelled"], 0)})
    sent = read(run.system, "orders", _SENT, name)[0]["count"]
    assert (sent, sent + ends["cancelled"]) == (ends["confirmed"], len(orders)), f"{sent} sent, {ends}"


def _expire_against_use(run: Run, name: str) -> None:
    """Each hold is used at the moment at which it expires."""
    set_stock(run.system, name, 2 * PLAYERS)

    def play(number: int) -> Play:
        async def hold_and_use(ask: Ask) -> None:
            held = await insist(ask, errands.hold(f"{name}-hold-{number}", ((name, 2),), _TTL_SECONDS))
            await asyncio.sleep(_TTL_SECONDS + run.random.uniform(-0.2, 0.2))
            lines, key = ((name, 1),), f"{name}-{number}"
            await insist(ask, Wish(key, lines, "all-or-nothing", key, getattr(held, "told_id", "")))

        return hold_and_use

    _play(run, [play(number) for number in range(PLAYERS)])
    # Who was late is on his own: what others held longer than he could is not there for him before it has expired.
    ends = eventually(lambda: None if (found := _ends(run, name))["pending"] else found)
    assert ends.total() == PLAYERS
    eventually(lambda: _levels(run, name) == {"main": (2 * PLAYERS, ends["confirmed"])})


def _receive_against_backorder(run: Run, name: str) -> None:
    """Units come in one by one while orders come for all of them: in the end everybody has got some."""
    set_stock(run.system, name, 0)
    buyers = [_insisting([_wish(f"{name}-{number}", name, "backorder", 2)]) for number in range(PLAYERS)]
    receipts = [
        _insisting([errands.move(name, f"{name}-in-{number}-{it}", "receive", quantity=1) for it in range(2)])
        for number in range(PLAYERS)
    ]
    plays = [*buyers, *receipts]
    run.random.shuffle(plays)
    _play(run, plays)
    eventually(lambda: _ends(run, name) == {"confirmed": PLAYERS})
    eventually(lambda: _levels(run, name) == {"main": (2 * PLAYERS, 2 * PLAYERS)})


def _transfer_against_allocate(run: Run, name: str) -> None:
    """Units are carried to and fro while orders come for all of them: wherever they are, they are found."""
    set_stock(run.system, name, PLAYERS)
    set_stock(run.system, name, PLAYERS, _EAST)
    buyers = [_insisting([_wish(f"{name}-{number}", name, "all-or-nothing", 2)]) for number in range(PLAYERS)]
    carriers = [
        _insisting(
            [
                errands.move(
                    name, f"{name}-{here}-{number}", "transfer", quantity=2, fromLocationId=here, toLocationId=to
                )
                for here, to in (("main", _EAST), (_EAST, "main"))
            ]
        )
        for number in range(PLAYERS)
    ]
    plays = [*buyers, *carriers]
    run.random.shuffle(plays)
    _play(run, plays)
    eventually(lambda: _ends(run, name) == {"confirmed": PLAYERS})
    levels = _levels(run, name).values()
    assert (sum(it[0] for it in levels), sum(it[1] for it in levels)) == (2 * PLAYERS, 2 * PLAYERS)


_RACES: dict[str, Callable[[Run, str], None]] = {
    "cancel-reserve": _cancel_against_reserve,
    "fulfil-cancel": _fulfil_against_cancel,
    "expire-use": _expire_against_use,
    "receive-backorder": _receive_against_backorder,
    "transfer-allocate": _transfer_against_allocate,
}
_SENT = """
    SELECT count(*) FROM orders WHERE lines -> 0 ->> 'productId' = $1 AND fulfilment = 'fulfilled'
"""


@contextmanager
def _killing(run: Run, purpose: str) -> Iterator[None]:
    """Kill a service every now and then for the length of the block; in the short form it is left at some races."""
    random, ended = seeded(run.random.getrandbits(32), purpose), threading.Event()

    def kill() -> None:
        while not ended.wait(random.uniform(0.1, 4 if run.is_short else 1.5)):
            run.figures["kills"] += run.system.kill_if_up(random.choice(SERVICES))

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _play(run: Run, plays: Sequence[Play]) -> None:
    play_together([run.system.url("gateway")], run.history, plays)


def _insisting(tasks: Sequence[Wish | Errand]) -> Play:
    async def play(ask: Ask) -> None:
        for task in tasks:
            await insist(ask, task)

    return play


async def _all(ask: Ask, tasks: Sequence[Errand]) -> None:
    for task in tasks:
        await insist(ask, task)


async def _buy(ask: Ask, customer: str, product: str, policy: str) -> str:
    purchase = await insist(ask, _wish(customer, product, policy, 1))
    return getattr(purchase, "order_id", "")


def _wish(customer: str, product: str, policy: str, quantity: int) -> Wish:
    return Wish(customer, ((product, quantity),), policy, customer)


def _confirmed(run: Run, product: str, quantity: int) -> list[str]:
    """Place an order for each player, and wait until all are confirmed."""
    _play(run, [_insisting([_wish(f"{product}-{it}", product, "all-or-nothing", quantity)]) for it in range(PLAYERS)])
    eventually(lambda: _ends(run, product) == {"confirmed": PLAYERS})
    query = "SELECT order_id FROM orders WHERE lines -> 0 ->> 'productId' = $1"
    return [str(row["order_id"]) for row in read(run.system, "orders", query, product)]


def _ends(run: Run, product: str) -> Counter[str]:
    """How many orders for a product stand how."""
    query = "SELECT status FROM orders WHERE lines -> 0 ->> 'productId' = $1"
    return Counter(row["status"] for row in read(run.system, "orders", query, product))


def _levels(run: Run, product: str) -> dict[str, tuple[int, int]]:
    """What is on hand and reserved of a product, by location."""
    query = "SELECT location_id, on_hand, reserved FROM stock_levels WHERE product_id = $1"
    return {
        row["location_id"]: (row["on_hand"], row["reserved"]) for row in read(run.system, "inventory", query, product)
    }


SHOP = Scenario(number=15, name="shop", break_things=race, weight=2)
