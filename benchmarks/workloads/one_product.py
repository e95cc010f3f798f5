"""Reservations of one product, all at once: a sale that everybody has waited for.

The shape is that of TigerFans (R. Schallner, https://github.com/renerocksai/tigerfans), which sells tickets of one kind
on TigerBeetle: a thousand reservations of one unit that are held for a while, here each over a connection of its own.
Its pages, payments and webhooks are no part of this: its figures are not to be compared with these.
"""

import resource
from collections import Counter
from collections.abc import Sequence

import msgspec

from benchmarks import generator
from benchmarks.basket import Basket
from benchmarks.cpu import cpu_times, spent_between
from benchmarks.facts import durable_facts
from benchmarks.ledger import Ledger, open_ledger
from benchmarks.requests import Request
from benchmarks.rest import wait_for_rest
from benchmarks.shelf import shelve
from benchmarks.target import Target
from benchmarks.volume import told, verify_target
from benchmarks.workloads.results import Result, Sample, conclude
from benchmarks.workloads.scale import Say, Scale

MOST_BUYERS = 2000
"""As many requests as the gateway has under way at once (MAX_IN_FLIGHT); what is more it refuses."""
_PATH = "/api/gateway/reservations"
_HELD_SECONDS = 3600
_LIMIT_SECONDS = 60.0
_SPARE_FILES = 200


async def one_product(target: Target, scale: Scale, say: Say) -> Result:
    """Let so many buyers reserve one product at once, of which there is enough for all, and enough for half of them."""
    _allow_connections(scale.buyers)
    ledger = await open_ledger(target.orders_url, target.inventory_url, Basket((), ()))
    try:
        known = await durable_facts(target.redis_url, ledger)
        say("warming up")
        await _sell(target, ledger, "warm-up", scale.buyers, scale.buyers)
        samples = []
        for number in range(1, scale.rounds + 1):
            for units in (scale.buyers, (scale.buyers + 1) // 2):
                say(f"round {number} of {scale.rounds}, {scale.buyers:,} buyers for {units:,} units")
                samples.append(await _sell(target, ledger, f"sale-{number}-{units}", scale.buyers, units))
    finally:
        await ledger.close()
    say("verifying")
    broken = told(await verify_target(target))
    checked = "as many units are reserved as were answered 201, and never more than there are"
    return conclude("one-product", known, samples, broken, checked)


async def _sell(target: Target, ledger: Ledger, product: str, buyers: int, units: int) -> Sample:
    """Put a new product on the shelf, let it be sold, and look who got it."""
    await shelve(target.url, [product], units)
    wanted = {"lines": [{"productId": product, "quantity": 1}], "ttlSeconds": _HELD_SECONDS}
    requests = [Request("POST", _PATH, msgspec.json.encode(wanted).decode())] * buyers
    before = cpu_times(target.pids)
    seen = await generator.run_once(target.url, requests, buyers, _LIMIT_SECONDS)
    await wait_for_rest(target.redis_url, _LIMIT_SECONDS, target.url)
    spent = spent_between(before, cpu_times(target.pids))
    ledger.basket = Basket((product,), ())
    reserved = (await ledger.books()).reserved_units
    return Sample(
        case=f"{buyers:,} buyers for {units:,} units",
        connections=buyers,
        unit="reservations",
        per_second=seen.statuses.total() / seen.seconds,
        p50_ms=seen.percentile(50),
        p99_ms=seen.percentile(99),
        cpu_us=sum(spent.us_for_each(buyers).values()),
        elsewhere=spent.elsewhere,
        problems=find_problems(seen, buyers, units, reserved),
    )


def find_problems(seen: generator.Result, buyers: int, units: int, reserved: int) -> Sequence[str]:
    """Say why not everybody was answered as they should be, or why more or less is reserved than was answered.

    Args:
        seen: the answers.
        buyers: who wanted one unit each.
        units: how many there were.
        reserved: how many are reserved, as Inventory says.
    """
    expected = Counter({201: min(buyers, units), 409: max(0, buyers - units)})
    problems = [
        f"{seen.statuses[status]} were answered {status}, not {expected[status]}"
        for status in sorted(seen.statuses.keys() | expected.keys())
        if seen.statuses[status] != expected[status]
    ]
    if silent := buyers - seen.statuses.total():
        problems.append(f"{silent} were not answered at all")
    if reserved != seen.statuses[201]:
        problems.append(f"{seen.statuses[201]} were answered 201, but {reserved} units are reserved")
    if reserved > units:
        problems.append(f"{reserved} of {units} units are reserved")
    return problems


def _allow_connections(count: int) -> None:
    """Allow as many open files as that takes: often it is 1024 unless one asks."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _SPARE_FILES
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
