import asyncio

from onhand.common.backoff import Backoff, stopped_within


async def test_waiting_ends_when_the_process_is_told_to_stop() -> None:
    stopping = asyncio.Event()
    waiting = asyncio.create_task(stopped_within(3600, stopping))
    stopping.set()
    assert await waiting


def test_waits_grow_up_to_a_cap_and_differ_by_chance() -> None:
    backoff = Backoff(first_seconds=1, cap_seconds=8)
    rounds = []
    for _ in range(100):
        rounds.append([backoff.next_seconds() for _ in range(6)])
        backoff.reset()
    longest = [max(waits) for waits in zip(*rounds, strict=True)]
    assert all(bound / 2 < wait <= bound for wait, bound in zip(longest, [1, 2, 4, 8, 8, 8], strict=True))


async def test_backoff_never_waits_longer_than_its_cap() -> None:
    backoff = Backoff(first_seconds=0.001, cap_seconds=0.002)
    async with asyncio.timeout(5):
        for _ in range(50):
            await backoff.wait(asyncio.Event())
