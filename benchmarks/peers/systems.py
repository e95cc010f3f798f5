"""The systems that are measured side by side, and what each does not do."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from benchmarks.peers import fastapi_peers, nestjs_peers, ours
from benchmarks.subject import Subject


class Shop(Subject, Protocol):
    """A subject with a shelf."""

    async def shelve(self, units: int) -> None:
        """See to it that so many units of the product can be had."""

    async def risks(self) -> list[str]:
        """Say what lets it lose what it has stored; empty if nothing does, or if it stores nothing."""

    async def verify(self) -> list[str]:
        """Look whether what was promised holds; returns what does not, in sentences."""


class System(NamedTuple):
    """One way to take an order.

    Attributes:
        name: on the command line and in reports.
        written: with what.
        lacks: what it does not do, of what ours does.
        open: starts it, with servers of its own, and stops it.
        missing: why it cannot run here, or None. Puts what it needs below `.bench/`.
        reserves: whether it takes anything off the shelf.
    """

    name: str
    written: str
    lacks: str
    open: Callable[[], AbstractAsyncContextManager[Shop]]
    missing: Callable[[], str | None]
    reserves: bool = True


SYSTEMS = (
    System("onhand", "this project", "-", ours.onhand, lambda: None),
    System(
        "nestjs-express",
        "NestJS 11 on Express, Redis transport (pub/sub)",
        "stores nothing, reserves nothing; what is under way when a process or Redis restarts is lost",
        nestjs_peers.express,
        nestjs_peers.missing,
        reserves=False,
    ),
    System(
        "nestjs-fastify",
        "NestJS 11 on Fastify, Redis transport (pub/sub)",
        "as with Express",
        nestjs_peers.fastify,
        nestjs_peers.missing,
        reserves=False,
    ),
    System(
        "faststream",
        "FastAPI, SQLAlchemy, FastStream on Redis Streams",
        "commit and publish are two steps: an event is lost if the process dies in between; what was delivered to a"
        " process that died stays undone; one product an order, no idempotency key, no history",
        fastapi_peers.faststream,
        fastapi_peers.missing,
    ),
    System(
        "faststream-outbox",
        "the same with an outbox, and with what was delivered and not done claimed again",
        "one product an order, no idempotency key, no history; poisoned messages come again for ever",
        fastapi_peers.faststream_outbox,
        fastapi_peers.missing,
    ),
    System(
        "monolith",
        "FastAPI, SQLAlchemy, one database, no messages",
        "no services, no events to others, one product an order, no idempotency key, no history",
        fastapi_peers.monolith,
        fastapi_peers.missing,
    ),
)
