"""One round: load, wait until all is settled, compare the books."""

import statistics
import time
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from benchmarks import load
from benchmarks.cpu import cpu_times, memory_mb, spent_between, watch_memory
from benchmarks.ledger import Books, Ledger
from benchmarks.load import Load
from benchmarks.subject import Onhand, Subject
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
        memory_mb: what each component held when the load stopped (10^6 bytes), see `cpu.memory_mb`.
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
    memory_mb: dict[str, float] = {}

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
    """Load our system, see `measure`."""
    return await measure(Onhand(target, ledger), connections, seconds, rate)


async def measure(
    subject: Subject,
    connections: int,
    seconds: int,
    rate: float | None = None,
    send: Callable[[], Awaitable[Load]] | None = None,
) -> Round:
    """Load a system that is at rest, and leave it at rest.

    Args:
        subject: what to load.
        connections: of the load generator.
        seconds: length of the load.
        rate: requests per second, see `load.run`. With one, it is no fault of the system to refuse some with 503.
        send: the load, if it is another than that of `load.run`.

    Raises:
        LoadFailed, ComponentGone: there is no result.
    """
    books = await subject.books()
    errors = await subject.errors()
    before = cpu_times(subject.pids)
    async with watch_memory(subject.pids.get("gateway")) as memory:
        seen = await (send() if send else load.run(subject.url, subject.basket, connections, seconds, rate))
    ended = time.monotonic()
    held = memory_mb(subject.pids)
    settled = await subject.settled_after(SETTLE_LIMIT_SECONDS, ended)
    spent = spent_between(before, cpu_times(subject.pids))
    new = difference(books, await subject.books())
    errors = await subject.errors() - errors
    stored = sum(new.statuses.values()) if new else seen.created
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
        cpu_us=spent.us_for_each(stored),
        load=spent.load,
        elsewhere=spent.elsewhere,
        gateway_mb=memory.most_mb,
        memory_mb=held,
        settled_seconds=settled,
        stored=new.statuses if new else {},
        confirmed_units=new.confirmed_units if new else 0,
        reserved_units=new.reserved_units if new else 0,
        problems=[
            *find_problems(seen, new, connections * subject.basket.batch, settled, may_refuse=rate is not None),
            *(f"{count} requests were answered {status}" for status, count in sorted(errors.items())),
        ],
    )


def difference(before: Books | None, after: Books | None) -> Books | None:
    """What is new; None where nothing is stored."""
    if before is None or after is None:
        return None
    statuses = {status: count - before.statuses.get(status, 0) for status, count in after.statuses.items()}
    return Books(
        statuses={status: count for status, count in statuses.items() if count},
        confirmed_units=after.confirmed_units - before.confirmed_units,
        reserved_units=after.reserved_units - before.reserved_units,
    )


def find_problems(
    seen: Load, new: Books | None, under_way: int, settled: float | None, *, may_refuse: bool = False
) -> list[str]:
    """Say why not every accepted order reached its end, or not every request was answered as it should be.

    When the load stops, one request per connection may be under way: its orders are stored, or not, and nobody was
    told. The same goes for a request that was answered with an error or not at all. Of a system that stores nothing
    only what it answered can be wrong.
    """
    problems = []
    if seen.unanswered or (seen.refused and not may_refuse):
        problems.append(f"{seen.refused} requests were not answered 201 and {seen.unanswered} not at all")
    if settled is None and not (new and new.statuses.get("pending")):
        problems.append(f"it was not at rest after {SETTLE_LIMIT_SECONDS:.0f} s")
    return problems if new is None else problems + _find_in_books(seen, new, under_way)


def _find_in_books(seen: Load, new: Books, under_way: int) -> list[str]:
    stored = sum(new.statuses.values())
    most = seen.created + seen.refused + seen.unanswered + under_way
    problems = []
    if stored < seen.created:
        problems.append(f"{seen.created - stored} orders were answered 201 and are not stored")
    if stored > most:
        problems.append(
            f"{stored - most} orders are stored that nobody can have sent; does something else send orders?"
        )
    if pending := new.statuses.get("pending"):
        problems.append(f"{pending} orders were pending after {SETTLE_LIMIT_SECONDS:.0f} s")
    if new.confirmed_units != new.reserved_units:
        problems.append(f"{new.confirmed_units} units are in confirmed orders, but {new.reserved_units} are reserved")
    return problems
