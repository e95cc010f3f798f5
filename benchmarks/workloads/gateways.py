"""Whether a second gateway helps, on as many cores as there are: each has half of the connections."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import load
from benchmarks.basket import ONE_PRODUCT
from benchmarks.load import Load
from benchmarks.measure import measure, run_round
from benchmarks.peers.running import free_port, takes_orders
from benchmarks.shelf import shelve
from benchmarks.subject import Onhand
from benchmarks.target import Target
from benchmarks.volume import told, verify_target
from benchmarks.warm import warm
from benchmarks.workloads.results import Result, Sample, conclude, sample_of
from benchmarks.workloads.scale import Say, Scale
from onhand.cli.programs import Program, running


async def gateways(target: Target, scale: Scale, say: Say) -> Result:
    """Load a fresh system by one gateway and by two in turn."""
    await shelve(target.url, ONE_PRODUCT.products)
    say("starting a second gateway")
    samples: list[Sample] = []
    with _another_gateway(target) as both:
        say("warming up")
        async with warm(target, ONE_PRODUCT, max(scale.connections), scale.seconds) as (ledger, facts):
            urls = (target.url, both.url)
            for number in range(scale.rounds):
                for connections in scale.connections:
                    say(f"pair {number + 1} of {scale.rounds}, {connections} connections")
                    one = await run_round(target, ledger, connections, scale.seconds)
                    send = partial(_send_to_each, urls, connections, scale.seconds)
                    two = await measure(Onhand(both, ledger), connections, scale.seconds, send=send)
                    samples.append(sample_of("one gateway", "orders", one))
                    times = two.orders_per_second / one.orders_per_second if one.created else None
                    samples.append(sample_of("two gateways", "orders", two, times))
        say("verifying")
        broken = told(await verify_target(target))
    return conclude("gateways", facts, samples, broken, "every order is stored and settled")


@contextmanager
def _another_gateway(target: Target) -> Iterator[Target]:
    """Run one more beside that of a system for the time of a block; gives the system as seen by way of it."""
    port = free_port()
    program = Program(
        name="gateway-2",
        command=(sys.executable, "-m", "onhand.gateway"),
        is_ready=takes_orders(port),
        address=f"http://127.0.0.1:{port}",
        environment={
            "HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "ONHAND_REPLICA": "2",
            "REDIS_URL": target.redis_url,
        },
    )
    with (
        TemporaryDirectory(prefix="onhand-bench-") as directory,
        running(program, Path(directory) / "gateway-2.log", lambda _: None) as process,
    ):
        yield target._replace(url=program.address, pids={**target.pids, program.name: process.pid})


async def _send_to_each(urls: tuple[str, str], connections: int, seconds: int) -> Load:
    """Load both at once; latencies are those of the slower one."""
    shares = (connections - connections // 2, connections // 2)
    seen = await asyncio.gather(
        *(load.run(url, ONE_PRODUCT, share, seconds) for url, share in zip(urls, shares, strict=True))
    )
    return Load(
        created=sum(it.created for it in seen),
        refused=sum(it.refused for it in seen),
        unanswered=sum(it.unanswered for it in seen),
        seconds=max(it.seconds for it in seen),
        p50_ms=max(it.p50_ms for it in seen),
        p99_ms=max(it.p99_ms for it in seen),
    )
