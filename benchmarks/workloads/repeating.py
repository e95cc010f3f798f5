"""The same thing, done again and again by one who waits for each."""

import time
from collections.abc import Awaitable, Callable, Mapping

from benchmarks.cpu import cpu_times, spent_between
from benchmarks.workloads.results import Sample


async def repeat(
    work: Callable[[], Awaitable[object]], *, each: int, seconds: int, pids: Mapping[str, int], case: str, unit: str
) -> tuple[int, Sample]:
    """Do something for so long.

    Args:
        work: is done, over one connection.
        each: how many it is, each time.
        seconds: for how long.
        pids: whose CPU time counts.
        case: what it is, in words.
        unit: what is counted.

    Returns:
        How many it was, and what it cost.
    """
    count, before, begun = 0, cpu_times(pids), time.monotonic()
    while (now := time.monotonic()) < begun + seconds:
        await work()
        count += each
    spent = spent_between(before, cpu_times(pids))
    return count, Sample(
        case=case,
        connections=1,
        unit=unit,
        per_second=count / (now - begun),
        cpu_us=sum(spent.us_for_each(count).values()),
        elsewhere=spent.elsewhere,
    )
