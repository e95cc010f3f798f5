"""One round: load, wait until all is settled, compare the books."""

import statistics
from collections.abc import Iterable

import msgspec

from benchmarks import load
from benchmarks.cpu import cpu_times
from benchmarks.ledger import Books, Ledger
from benchmarks.load import Load
from benchmarks.target import Target

SETTLE_LIMIT_SECONDS = 60.0


class Round(msgspec.Struct, rename="camel", frozen=True):
    """What one round gave.

    Attributes:
        created: orders answered 201.
        refused: requests answered otherwise.
        unanswered: connections that failed and requests that took too long.
        orders_per_second: those answered 201.
        cpu_us: CPU microseconds per stored order, by component, from the first request until all was settled.
        elsewhere: part of the machine's CPU that neither the system nor the load used: the disturbance.
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
    orders_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]
    elsewhere: float
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


async def run_round(target: Target, ledger: Ledger, connections: int, seconds: int) -> Round:
    """Load a target that is at rest, and leave it at rest.

    Raises:
        LoadFailed, ComponentGone: there is no result.
    """
    books = await ledger.books()
    before = cpu_times(target.pids)
    seen = await load.run(target.url, connections, seconds)
    settled = await ledger.settled_after(SETTLE_LIMIT_SECONDS)
    after = cpu_times(target.pids)
    new = difference(books, await ledger.books())
    stored = sum(new.statuses.values())
    spent = {name: after.components[name] - before.components[name] for name in target.pids}
    ours = sum(spent.values()) + after.ours - before.ours
    return Round(
        connections=connections,
        created=seen.created,
        refused=seen.refused,
        unanswered=seen.unanswered,
        seconds=seen.seconds,
        orders_per_second=seen.created / seen.seconds,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        cpu_us={name: 1e6 * cpu_seconds / max(stored, 1) for name, cpu_seconds in spent.items()},
        elsewhere=max(0.0, after.machine - before.machine - ours) / (after.available - before.available),
        settled_seconds=settled,
        stored=new.statuses,
        confirmed_units=new.confirmed_units,
        reserved_units=new.reserved_units,
        problems=find_problems(seen, new, connections, settled),
    )


def difference(before: Books, after: Books) -> Books:
    """What is new."""
    statuses = {status: count - before.statuses.get(status, 0) for status, count in after.statuses.items()}
    return Books(
        statuses={status: count for status, count in statuses.items() if count},
        confirmed_units=after.confirmed_units - before.confirmed_units,
        reserved_units=after.reserved_units - before.reserved_units,
    )


def find_problems(seen: Load, new: Books, connections: int, settled: float | None) -> list[str]:
    """Say why not every accepted order reached its end.

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
    if seen.refused or seen.unanswered:
        problems.append(f"{seen.refused} requests were not answered 201 and {seen.unanswered} not at all")
    return problems
