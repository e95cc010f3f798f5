"""What this machine can do at all: a server that does nothing, rows without services, entries without readers.

They say what the parts of an order cost by themselves, each over as few connections and in batches as small as it says:
with more of both there is more to be had. CPU time is that of the server; its client is on the same cores.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.basket import ONE_PRODUCT
from benchmarks.facts import facts_at
from benchmarks.measure import measure
from benchmarks.peers.running import Host, host, takes_orders
from benchmarks.subject import Bookless
from benchmarks.workloads.entries import Entries
from benchmarks.workloads.results import Result, Sample, conclude, sample_of
from benchmarks.workloads.rows import open_rows
from benchmarks.workloads.scale import Say, Scale
from onhand.cli.programs import Program
from onhand.common.messaging.streams import open_streams

_ROOT = Path(__file__).parents[2]
_WARM_UP_SECONDS = 3


def floors(scale: Scale, say: Say) -> Result:
    """Start servers alone, without services, and load each in turn."""
    with host(has_redis=True, has_postgres=True) as its, its.run([_noop(its)]):
        return asyncio.run(_load(its, scale, say))


async def _load(its: Host, scale: Scale, say: Say) -> Result:
    url = its.servers.postgres_url("floor")
    async with AsyncExitStack() as stack:
        rows = await open_rows(url, its.pids["postgres"])
        stack.push_async_callback(rows.close)
        entries = Entries(await stack.enter_async_context(open_streams(its.servers.redis_url)), its.pids["redis"])
        known = await facts_at(its.servers.redis_url, url)
        noop = Bookless(its.url, {"noop": its.pids["noop"]}, ONE_PRODUCT)
        say("warming up")
        brief = min(scale.seconds, _WARM_UP_SECONDS)
        await measure(noop, max(scale.connections), brief)
        await rows.run(brief)
        await entries.run(brief)
        samples: list[Sample] = []
        for number in range(1, scale.rounds + 1):
            for connections in scale.connections:
                say(f"round {number} of {scale.rounds}, HTTP, {connections} connections")
                done = await measure(noop, connections, scale.seconds)
                samples.append(sample_of("POST that does nothing", "requests", done, settles=False))
            say(f"round {number} of {scale.rounds}, rows")
            samples.append(await rows.run(scale.seconds))
            say(f"round {number} of {scale.rounds}, entries")
            samples.append(await entries.run(scale.seconds))
        broken = await rows.find_missing() + await entries.find_missing()
    checked = f"all rows of {rows.stored:,} orders are stored, and {entries.appended:,} entries were appended"
    return conclude("floors", known, samples, broken, checked)


def _noop(its: Host) -> Program:
    return Program(
        name="noop",
        command=(sys.executable, "-m", "benchmarks.workloads.noop"),
        is_ready=takes_orders(its.port),
        address=its.url,
        environment={
            "HOST": "127.0.0.1",
            "GATEWAY_PORT": str(its.port),
            "ONHAND_FAILPOINTS": "",
            "PYTHONPATH": str(_ROOT),
        },
    )
