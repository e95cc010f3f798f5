"""Requests that are refused before the application is asked, as a client's socket sees it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from functools import partial

import pytest
import uvicorn
from serving import QUIET_SECONDS, Client, Receive, Send, connect, serving

from onhand.common.refusals import RefusingProtocol

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nretry-after: 1\r\n\r\nfull"
LAST_REFUSAL = REFUSAL.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
FULL = b"POST /full HTTP/1.1\r\nhost: a\r\n"
EMPTY = b"GET /empty HTTP/1.1\r\nhost: a\r\n\r\n"
SERVED_END = b"\r\n\r\nserved"


class House:
    """An application, and whoever refuses at its door what is for `/full`.

    Attributes:
        served: how many requests the application got.
        seen: how many requests were under way when each came to the door.
        inside: the server's own list of what is under way.
        left: how many were in it each time the application had answered.
        is_open: the application answers no sooner.
    """

    def __init__(self) -> None:
        self.served = 0
        self.seen: list[int] = []
        self.inside: Collection[object] = ()
        self.left: list[int] = []
        self.is_open = asyncio.Event()
        self.is_open.set()

    def refuse(self, method: bytes, target: bytes, under_way: int) -> bytes | None:
        assert method in {b"GET", b"HEAD", b"POST"}
        self.seen.append(under_way)
        return REFUSAL if target == b"/full" else None

    async def __call__(self, _: object, receive: Receive, send: Send) -> None:
        self.served += 1
        await self.is_open.wait()
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
        await send({"type": "http.response.body", "body": b"served"})
        self.left.append(len(self.inside))


@pytest.fixture
async def house() -> House:
    return House()


@pytest.fixture
async def server(house: House) -> AsyncIterator[uvicorn.Server]:
    async with serving(house, partial(RefusingProtocol, house.refuse)) as server:
        house.inside = server.server_state.tasks
        yield server
        house.is_open.set()


class Guest(Client):
    """Somebody at the door."""

    async def is_refused(self) -> bool:
        return await self.until(b"\r\n\r\nfull") == REFUSAL

    async def is_served(self) -> bool:
        return (await self.until(SERVED_END)).startswith(b"HTTP/1.1 200 OK")


@pytest.fixture(params=[0, 2], ids=["at first", "after refusals"])
async def client(server: uvicorn.Server, house: House, request: pytest.FixtureRequest) -> AsyncIterator[Guest]:
    """A client whose connection is new, or one that was refused the last times, and so without the parser."""
    client = Guest(*await connect(server))
    for _ in range(request.param):
        await client.send(FULL + b"\r\n")
        assert await client.is_refused()
    house.seen.clear()
    yield client
    client.writer.close()


async def test_what_is_refused_does_not_come_to_the_application(client: Guest, house: House) -> None:
    await client.send(FULL + b"content-length: 2\r\n\r\n{}")
    assert await client.is_refused()
    assert house.served == 0


async def test_who_is_refused_often_is_let_in_as_soon_as_it_can_be(client: Guest, house: House) -> None:
    for _ in range(3):
        await client.send(EMPTY)
        assert await client.is_served()
        await client.send(FULL + b"\r\n")
        assert await client.is_refused()
    assert house.served == 3


async def test_a_header_that_looks_like_a_request_is_none(client: Guest) -> None:
    await client.send(FULL + b"x: ")
    await asyncio.sleep(0.02)
    await client.send(FULL + b"\r\n")  # the value of a header, another header, and the end
    assert await client.is_refused()
    await client.send(EMPTY)
    assert await client.is_served()


async def test_a_body_that_looks_like_a_request_is_none(client: Guest) -> None:
    await client.send(FULL + b"content-length: %d\r\n\r\n" % len(FULL + b"\r\n"))
    assert await client.is_refused()
    await client.send(FULL + b"\r\n")
    await asyncio.sleep(0.02)
    await client.send(EMPTY)
    assert await client.is_served()


async def test_the_answer_comes_before_the_body(client: Guest) -> None:
    await client.send(FULL + b"content-length: 2\r\n\r\n")
    assert await client.is_refused()


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        (b"content-length: 8\r\n\r\n", [b"POST", b" / H"]),
        (b"transfer-encoding: chunked\r\n\r\n", [b"4\r\nGET ", b"\r\n4\r\n / H\r\n", b"0\r\n\r\n"]),
    ],
)
async def test_a_body_that_comes_later_is_passed_over_and_the_connection_goes_on(
    client: Guest, house: House, header: bytes, parts: list[bytes]
) -> None:
    await client.send(FULL + header)
    assert await client.is_refused()
    for part in parts:
        await client.send(part)
        await asyncio.sleep(0.02)
    await client.send(EMPTY)
    assert await client.is_served()
    await client.send(FULL + header + b"".join(parts))
    assert await client.is_refused()
    assert house.served == 1


async def test_what_is_sent_at_once_is_answered_in_order(client: Guest, house: House) -> None:
    full = FULL + b"content-length: 2\r\n\r\n{}"
    await client.send(full + full + EMPTY)
    assert await client.is_refused()
    assert await client.is_refused()
    assert await client.is_served()
    assert house.served == 1


async def test_who_comes_behind_a_request_that_is_under_way_is_left_to_the_application(
    client: Guest, house: House
) -> None:
    house.is_open.clear()
    await client.send(EMPTY + FULL + b"\r\n")
    with pytest.raises(TimeoutError):  # nothing overtakes
        await asyncio.wait_for(client.reader.read(1), 0.05)
    house.is_open.set()
    assert await client.is_served()
    assert await client.is_served()
    await client.send(FULL + b"\r\n")
    assert await client.is_refused()
    assert house.served == 2


@pytest.mark.parametrize(
    "request_bytes",
    [
        FULL + b"connection: close\r\n\r\n",
        FULL.replace(b"1.1", b"1.0") + b"\r\n",
        FULL.replace(b"1.1", b"1.0") + b"connection: keep-alive\r\n\r\n",
        FULL + b"connection: close\r\ncontent-length: 2\r\n\r\n{}" + EMPTY,
        FULL.replace(b"1.1", b"1.0") + b"connection: keep-alive\r\ncontent-length: 2\r\n\r\n{}" + EMPTY,
    ],
)
async def test_whose_connection_ends_is_told_so_and_nothing_more_is_done_for_it(
    client: Guest, house: House, request_bytes: bytes
) -> None:
    await client.send(request_bytes)
    assert await client.rest() == LAST_REFUSAL
    assert house.served == 0


async def test_who_closes_gets_the_answer_although_its_body_comes_later(client: Guest) -> None:
    await client.send(FULL + b"connection: close\r\ncontent-length: 200000\r\n\r\n")
    for _ in range(20):
        await client.send(bytes(10_000))
        await asyncio.sleep(0.001)
    assert await client.rest() == LAST_REFUSAL


@pytest.mark.parametrize("sends_all_the_same", [True, False])
async def test_who_waits_for_leave_to_send_a_body_does_not_get_it(
    client: Guest, house: House, *, sends_all_the_same: bool
) -> None:
    await client.send(FULL + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n")
    assert await client.until(b"full") == LAST_REFUSAL
    await client.send((b"{}" if sends_all_the_same else b"") + EMPTY)
    assert await client.rest() == b""
    assert house.served == 0


async def test_an_answer_to_head_has_no_body(client: Guest) -> None:
    await client.send(b"HEAD /full HTTP/1.1\r\nhost: a\r\n\r\n" + EMPTY)
    assert await client.until(b"\r\n\r\n") == REFUSAL.removesuffix(b"full")
    assert await client.is_served()


async def test_who_sends_too_much_for_nothing_is_cut_off(client: Guest) -> None:
    await client.send(FULL + b"content-length: 100000000\r\n\r\n")
    assert await client.is_refused()
    sent = 0
    with suppress(ConnectionError):
        while sent < 100_000_000:
            await client.send(bytes(65536))
            sent += 65536
    assert sent < 50_000_000, "some is on its way before the client hears of it"


async def test_who_never_sends_the_body_is_cut_off(client: Guest) -> None:
    await client.send(FULL + b"content-length: 2\r\n\r\n{")
    assert await client.is_refused()
    assert await client.rest() == b""


async def test_who_sends_again_and_again_is_not_cut_off(client: Guest) -> None:
    for _ in range(15):
        await client.send(FULL + b"\r\n")
        assert await client.is_refused()
        await asyncio.sleep(QUIET_SECONDS / 10)


async def test_who_does_not_read_its_answers_is_made_to_wait(client: Guest, house: House) -> None:
    sent = 0
    some = (FULL + b"x: " + b"x" * 1000 + b"\r\n\r\n") * 100  # large, or the kernel has room for very many
    with suppress(TimeoutError):
        while sent < 100_000:
            sent += 100
            await asyncio.wait_for(client.send(some), 0.5)
    assert sent < 100_000, "answers do not pile up for as long as it likes"
    assert house.served > 0, "it was the application that made it wait"
    answers, last = 0, b""
    async with asyncio.timeout(30):
        while answers < sent:
            part = last + await client.reader.read(2**20)
            answers, last = answers + part.count(b"\r\n\r\n"), part[-3:]
    assert answers == sent


async def test_who_is_told_to_wait_is_refused_no_more_past_the_application(
    client: Guest, house: House, server: uvicorn.Server
) -> None:
    await client.send(FULL + b"\r\n")
    assert await client.is_refused()
    (side,) = server.server_state.connections
    side.pause_writing()
    await client.send(FULL + b"\r\n")
    async with asyncio.timeout(5):
        while house.served == 0:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
    side.resume_writing()
    assert await client.is_served()


async def test_what_is_no_http_behind_a_refusal_is_answered_400(client: Guest) -> None:
    await client.send(FULL + b"\r\n" + b"\x00garbage\r\n\r\n")
    assert await client.is_refused()
    assert (await client.rest()).startswith(b"HTTP/1.1 400 Bad Request")


async def test_a_refusal_is_the_last_answer_on_its_connection_when_the_server_stops(
    client: Guest, server: uvicorn.Server
) -> None:
    await client.send(FULL + b"\r\n")
    assert await client.is_refused()
    server.should_exit = True
    while server.servers[0].is_serving():  # noqa: ASYNC110  # uvicorn wakes nobody up
        await asyncio.sleep(0.01)
    await client.send(FULL + b"\r\n")
    assert await client.rest() == LAST_REFUSAL


async def test_the_door_knows_how_many_are_inside(client: Guest, server: uvicorn.Server, house: House) -> None:
    port = server.servers[0].sockets[0].getsockname()[1]
    house.is_open.clear()
    others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    for _, writer in others:
        writer.write(EMPTY)
    async with asyncio.timeout(5):
        while house.served < 3:  # noqa: ASYNC110  # the application wakes nobody up
            await asyncio.sleep(0.01)
    await client.send(FULL + b"\r\n")
    assert await client.is_refused()
    assert house.seen[-1] == 3
    house.is_open.set()
    for reader, writer in others:
        await reader.readuntil(SERVED_END)
        writer.close()


async def test_who_has_its_answer_is_not_inside_any_more(client: Guest, house: House) -> None:
    for _ in range(2):  # or its next request would be one too many
        await client.send(EMPTY)
        assert await client.is_served()
    assert house.left == [0, 0]


async def test_a_connection_has_so_few_attributes_that_each_is_looked_up_quickly(
    client: Guest, server: uvicorn.Server
) -> None:
    await client.send(FULL + b"\r\n")
    assert await client.is_refused()
    (connection,) = server.server_state.connections
    # From the thirtieth attribute on CPython 3.11 gives an object a dictionary of its own; `vars` would make it one.
    assert not any(isinstance(it, dict) and "transport" in it for it in gc.get_referents(connection))
    assert not hasattr(connection.transport, "__getattr__")
