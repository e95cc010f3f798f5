"""Whether what is stored already makes orders slower: one line for each size, loaded in turn.

`make bench ARGS="--preload 1000000"` compares two systems, pair by pair, and holds them against what is asked for.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from benchmarks.basket import ONE_PRODUCT
from benchmarks.measure import Round, run_round
from benchmarks.preload import store
from benchmarks.shelf import shelve
from benchmarks.target import Target
from benchmarks.volume import told, verify_target
from benchmarks.warm import warm
from benchmarks.workloads.results import Result, Sample, conclude, sample_of
from benchmarks.workloads.scale import Say, Scale


async def growth(targets: Mapping[int, Target], scale: Scale, say: Say) -> Result:
    """Load fresh systems in turn, another one first each time, while the others rest.

    Args:
        targets: by how many orders, and as many products, are to be stored in each before; one has none.
        scale: of everything.
        say: tells what is done.
    """
    samples: list[Sample] = []
    async with AsyncExitStack() as stack:
        ledgers, facts = {}, dict[str, str]()
        for size, target in targets.items():
            say(f"storing {size:,} orders")
            if size:
                await store(target.orders_url, target.inventory_url, size)
            await shelve(target.url, ONE_PRODUCT.products)
            opened = warm(target, ONE_PRODUCT, max(scale.connections), scale.seconds)
            ledgers[size], facts = await stack.enter_async_context(opened)
        for number in range(scale.rounds):
            for connections in scale.connections:
                say(f"round {number + 1} of {scale.rounds}, {connections} connections")
                first = number % len(targets)
                order = [*targets][first:] + [*targets][:first]
                done = {it: await run_round(targets[it], ledgers[it], connections, scale.seconds) for it in order}
                samples += [_beside_empty(size, done[size], done[0]) for size in targets]
    broken = []
    for size, target in targets.items():
        say(f"verifying, {_stored(size)}")
        broken += [f"{_stored(size)}: {it}" for it in told(await verify_target(target))]
    return conclude("growth", facts, samples, broken, "every order is stored and settled, those of before included")


def _beside_empty(size: int, it: Round, empty: Round) -> Sample:
    times = it.orders_per_second / empty.orders_per_second if size and empty.created else None
    return sample_of(_stored(size), "orders", it, times)


def _stored(size: int) -> str:
    return f"{size:,} stored" if size else "empty"
