"""Reads: single orders, and the orders of single customers, as fast as they are answered.

`python -m benchmarks.reads` asks for more kinds of lists, one after the other, while orders come in.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from uuid import UUID

import httpx
import msgspec

from benchmarks.facts import facts_at
from benchmarks.measure import measure
from benchmarks.preload import customer_id, order_id, store
from benchmarks.requests import PATH, Questions
from benchmarks.subject import Bookless
from benchmarks.target import Target
from benchmarks.volume import told, verify_target
from benchmarks.workloads.results import Result, Sample, conclude, sample_of
from benchmarks.workloads.scale import Say, Scale
from onhand.cli.api import ask, open_client

_OF_EACH_CUSTOMER = 10
_DIFFERENT = 20_000
"""Questions that differ; then they begin anew."""
_LOOKED_AT = 100
_WARM_UP_SECONDS = 3
_SEED = 2025


class _Order(msgspec.Struct, rename="camel"):
    order_id: UUID
    customer_id: str


class _Orders(msgspec.Struct):
    orders: list[_Order]


async def reads(target: Target, scale: Scale, say: Say) -> Result:
    """Store orders, ask for one of them and for those of one customer in turn, and look whether that is answered."""
    stored = scale.orders[0]
    customers = max(1, stored // _OF_EACH_CUSTOMER)
    say(f"storing {stored:,} orders")
    await store(target.orders_url, target.inventory_url, stored, customers)
    random = Random(_SEED)  # noqa: S311  # repeatable, and nobody's secret
    numbers = random.choices(range(1, stored + 1), k=_DIFFERENT)
    lists = Questions([f"{PATH}?customerId={customer_id(it, customers)}" for it in numbers])
    cases = {
        f"one of {stored:,} orders": Questions([f"{PATH}/{order_id(it)}" for it in numbers]),
        f"orders of one of {customers:,} customers": lists,
    }
    known = await facts_at(target.redis_url, target.orders_url)
    samples = [it async for it in _rounds(target, cases, scale, say)]
    say("verifying")
    looked_at = numbers[:_LOOKED_AT]
    broken = find_wrong(target.url, looked_at, stored, customers) + told(await verify_target(target))
    checked = f"of {_LOOKED_AT} orders and as many lists each answer was that order, or all orders of that customer"
    return conclude("reads", known, samples, broken, checked)


async def _rounds(target: Target, cases: Mapping[str, Questions], scale: Scale, say: Say) -> AsyncIterator[Sample]:
    for case, questions in cases.items():
        say(f"warming up, {case}")
        subject = Bookless(target.url, target.pids, questions)
        await measure(subject, max(scale.connections), min(scale.seconds, _WARM_UP_SECONDS))
    turns = scale.turns(list(cases))
    for number, (case, connections) in enumerate(turns, start=1):
        say(f"round {number} of {len(turns)}, {case}, {connections} connections")
        done = await measure(Bookless(target.url, target.pids, cases[case]), connections, scale.seconds)
        yield sample_of(case, "reads", done, settles=False)


def find_wrong(url: str, numbers: Sequence[int], stored: int, customers: int) -> list[str]:
    """Ask for some orders and lists one by one, and say which answers are wrong.

    Args:
        url: of the gateway.
        numbers: of the orders, counted from 1.
        stored: how many there are.
        customers: whose they are in turn.
    """
    wrong = []
    with open_client() as client:
        for number in numbers:
            customer = customer_id(number, customers)
            if _one(url, client, number) != (order_id(number), customer):
                wrong.append(f"another order was answered than {order_id(number)}")
            first = number % customers or customers
            theirs = [(order_id(it), customer) for it in reversed(range(first, stored + 1, customers))]
            if _list(url, client, customer) != theirs:
                wrong.append(f"other orders were answered than those of {customer}")
    return wrong


def _one(url: str, client: httpx.Client, number: int) -> tuple[UUID, str]:
    found = msgspec.json.decode(ask(url, "GET", "orders", str(order_id(number)), client=client), type=_Order)
    return found.order_id, found.customer_id


def _list(url: str, client: httpx.Client, customer: str) -> list[tuple[UUID, str]]:
    answer = ask(url, "GET", "orders", query={"customerId": customer}, client=client)
    return [(it.order_id, it.customer_id) for it in msgspec.json.decode(answer, type=_Orders).orders]
