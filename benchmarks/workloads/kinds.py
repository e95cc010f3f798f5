"""The workloads there are, each with what it is run on."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from benchmarks.target import Target, fresh_system
from benchmarks.workloads.bulk import bulk
from benchmarks.workloads.checkouts import checkouts
from benchmarks.workloads.floors import floors
from benchmarks.workloads.gateways import gateways
from benchmarks.workloads.growth import growth
from benchmarks.workloads.one_product import one_product
from benchmarks.workloads.reading import reads
from benchmarks.workloads.results import Result
from benchmarks.workloads.scale import Say, Scale

_OfOneSystem = Callable[[Target, Scale, Say], Awaitable[Result]]


class Kind(NamedTuple):
    """A workload.

    Attributes:
        name: on the command line and in reports.
        run: starts what it needs, loads it, and stops it.
    """

    name: str
    run: Callable[[Scale, Say], Result]


def _on_fresh_system(workload: _OfOneSystem, scale: Scale, say: Say) -> Result:
    async def run(target: Target) -> Result:
        return await workload(target, scale, say)

    say("starting the system")
    with fresh_system() as target:
        return asyncio.run(run(target))


def _on_fresh_systems(scale: Scale, say: Say) -> Result:
    with ExitStack() as stack:
        targets = {}
        for size in (0, *scale.orders):
            say(f"starting the system with {size:,} orders")
            targets[size] = stack.enter_context(fresh_system())
        return asyncio.run(growth(targets, scale, say))


KINDS = (
    Kind("checkouts", partial(_on_fresh_system, checkouts)),
    Kind("one-product", partial(_on_fresh_system, one_product)),
    Kind("bulk", partial(_on_fresh_system, bulk)),
    Kind("reads", partial(_on_fresh_system, reads)),
    Kind("growth", _on_fresh_systems),
    Kind("gateways", partial(_on_fresh_system, gateways)),
    Kind("floors", floors),
)
