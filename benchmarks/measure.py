"""One round: load, wait until all is settled, compare the books."""

import statistics
import time
from collections.abc import Iterable

import msgspec

from benchmarks import load
from benchmarks.answers import errors_by_status
from benchmarks.cpu import cpu_times, watch_memory
from benchmarks.ledger import Books, Ledger
from benchmarks.load import Load
from benchmarks.rest import wait_for_rest
from benchmarks.target import Target

SETTLE_LIMIT_SECONDS = 60.0


class Round(msgspec.Struct, rename="camel", frozen=True):
    """What one round gave.

    Attributes:
        created: orders answered 201.
        refused: requests answered otherwise.
        unanswered: connections that failed and requests that took too long.
        asked_per_second: rate of the timetable by which requests were sent; None if each connection sent again at once.
        offered_per_second: requests that were answered, with whatever.
        orders_per_second: those answered 201.
        cpu_us: CPU microseconds per stored order, by component, from the first request until all was settled.
        load: part of the machine's CPU that the load generator used.
        elsewhere: part of it that neither the system nor the load used: the disturbance.
        gateway_mb: the most memory that the gateway had (resident, 10^6 bytes); None if it does not run here.
        settled_seconds: from the end of the load until no order was pending; None if that never came.
        stored: new orders in the database, by status.
        confirmed_units: in new confirmed orders, as Orders says.
        reserved_units: newly reserved, as Inventory says.
        problems: what is wrong, in sentences; empty if every accepted order reached its end.
    """

    connections: int
    created: int
    refused: int
    unanswered: int
    seconds: float
    asked_per_second: float | None
    offered_per_second: float
    orders_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]
    load: float
    elsewhere: float
    gateway_mb: float | None
    settled_seconds: float | None
    stored: dict[str, int]
    confirmed_units: int
    reserved_units: int
    problems: list[str]

    @property
    def cpu_us_total(self) -> float:
        """CPU microseconds per order over all components that were seen."""
        return sum(self.cpu_us.values())


class Spread(msgspec.Struct, frozen=True):
    """The middle and the ends of some values."""

    median: float
    least: float
    most: float


def spread(values: Iterable[float]) -> Spread:
    """Sum up values of which there is at least one."""
    ordered = sorted(values)
    return Spread(statistics.median(ordered), ordered[0], ordered[-1])


async def run_round(target: Target, ledger: Ledger, connections: int, seconds: int, rate: float | None = None) -> Round:
    """Load a target that is at rest, and leave it at rest.

    Args:
        target: what to load.
        ledger: its books.
        connections: of the load generator.
        seconds: length of the load.
        rate: requests per second, see `load.run`. With one, it is no fault of the target to refuse some with 503.

    Raises:
        LoadFailed, ComponentGone: there is no result.
    """
    books = await ledger.books()
    errors = await errors_by_status(target.url)
    before = cpu_times(target.pids)
    async with watch_memory(target.pids.get("gateway")) as memory:
        seen = await load.run(target.url, ledger.basket, connections, seconds, rate)
    ended = time.monotonic()
    await wait_for_rest(target.url, target.redis_url, SETTLE_LIMIT_SECONDS)
    settled = await ledger.settled_after(SETTLE_LIMIT_SECONDS, ended)
    after = cpu_times(target.pids)
    new = difference(books, await ledger.books())
    errors = await errors_by_status(target.url) - errors
    stored = sum(new.statuses.values())
    spent = {name: after.components[name] - before.components[name] for name in target.pids}
    available = after.available - before.available
    ours = after.ours - before.ours
    return Round(
        connections=connections,
        created=seen.created,
        refused=seen.refused,
        unanswered=seen.unanswered,
        seconds=seen.seconds,
        asked_per_second=rate,
        offered_per_second=seen.offered_per_second,
        orders_per_second=seen.created / seen.seconds,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        cpu_us={name: 1e6 * cpu_seconds / max(stored, 1) for name, cpu_seconds in spent.items()},
        load=ours / available,
        elsewhere=max(0.0, after.machine - before.machine - sum(spent.values()) - ours) / available,
        gateway_mb=memory.most_mb,
        settled_seconds=settled,
        stored=new.statuses,
        confirmed_units=new.confirmed_units,
        reserved_units=new.reserved_units,
        problems=[
            *find_problems(seen, new, connections, settled, may_refuse=rate is not None),
            *(f"{count} requests were answered {status}" for status, count in sorted(errors.items())),
        ],
    )


def difference(before: Books, after: Books) -> Books:
    """What is new."""
    statuses = {status: count - before.statuses.get(status, 0) for status, count in after.statuses.items()}
    return Books(
        statuses={status: count for status, count in statuses.items() if count},
        confirmed_units=after.confirmed_units - before.confirmed_units,
        reserved_units=after.reserved_units - before.reserved_units,
    )


def find_problems(
    seen: Load, new: Books, connections: int, settled: float | None, *, may_refuse: bool = False
) -> list[str]:
    """Say why not every accepted order reached its end, or not every request was answered as it should be.

    When the load stops, one request per connection may be under way: its order is stored, or not, and nobody was told.
    The same goes for a request that was answered with an error or not at all.
    """
    stored = sum(new.statuses.values())
    most = seen.created + seen.refused + seen.unanswered + connections
    problems = []
    if stored < seen.created:
        problems.append(f"{seen.created - stored} orders were answered 201 and are not stored")
    if stored > most:
        problems.append(
            f"{stored - most} orders are stored that nobody can have sent; does something else send orders?"
        )
    if settled is None or new.statuses.get("pending"):
        problems.append(f"{new.statuses.get('pending', 0)} orders were pending after {SETTLE_LIMIT_SECONDS:.0f} s")
    if new.confirmed_units != new.reserved_units:
        problems.append(f"{new.confirmed_units} units are in confirmed orders, but {new.reserved_units} are reserved")
    if seen.unanswered or (seen.refused and not may_refuse):
        problems.append(f"{seen.refused} requests were not answered 201 and {seen.unanswered} not at all")
    return problems
