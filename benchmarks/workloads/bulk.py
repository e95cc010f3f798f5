"""Orders in batches beside single requests; `make bench ARGS="--batch 100"` tells more of the same."""

from benchmarks.basket import ONE_PRODUCT, in_batches
from benchmarks.batches import connections_for, run_in_turn
from benchmarks.shelf import shelve
from benchmarks.target import Target
from benchmarks.volume import told, verify_target
from benchmarks.warm import warm
from benchmarks.workloads.results import Result, conclude, sample_of
from benchmarks.workloads.scale import Say, Scale

_SIZE = 100


async def bulk(target: Target, scale: Scale, say: Say) -> Result:
    """Load a fresh system with single requests and with batches in turn."""
    await shelve(target.url, ONE_PRODUCT.products)
    say("warming up")
    batches = in_batches(ONE_PRODUCT, _SIZE)
    samples = []
    async with (
        warm(target, ONE_PRODUCT, max(scale.connections), scale.seconds) as (single, facts),
        warm(target, batches, connections_for(_SIZE), scale.seconds) as (in_bulk, _),
    ):
        plan = [connections for _, connections in scale.turns([""])]
        say(f"pair 1 of {len(plan)}")
        async for pair in run_in_turn(target, single, in_bulk, plan, scale.seconds):
            case = f"batches of {_SIZE}, beside {pair.single.connections} connections"
            samples.append(sample_of("single requests", "orders", pair.single))
            samples.append(sample_of(case, "orders", pair.batches, pair.gain))
            say(f"pair {min(len(samples) // 2 + 1, len(plan))} of {len(plan)}")
    say("verifying")
    broken = told(await verify_target(target))
    return conclude("bulk", facts, samples, broken, "every answered order is stored, and settled")
