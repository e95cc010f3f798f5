"""Requests that are carried out past ASGI, as a client's socket sees it."""

import asyncio
from collections.abc import AsyncIterator
from email.parser import BytesHeaderParser
from functools import partial
from typing import Any

import pytest
import uvicorn
from serving import QUIET_SECONDS, Client, Receive, Send, connect, serving

from onhand.common.plain_requests import PlainRequest
from onhand.common.shortcuts import Answer, Shortcut, ShortcutProtocol, Whole
from onhand.common.testing import eventually

SHORT = b"POST /short HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n%b"
LONG = b"GET /long HTTP/1.1\r\nhost: a\r\n\r\n"
NO = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"


class House:
    """An application, whoever takes its requests for `/short`, and who refuses at the door.

    Attributes:
        taken: what waits for its answer.
        longs: what came to the application.
        takes: requests are taken on.
        waits: they are not answered at once.
        is_full: all are refused.
        body: what is answered, if not the body of the request.
        offered: how many requests were.
        seen: how many requests were under way when each came to the door.
        server: where all this happens.
    """

    def __init__(self) -> None:
        self.taken: list[asyncio.Future[None]] = []
        self.longs: list[str] = []
        self.takes = True
        self.waits = False
        self.is_full = False
        self.body = b""
        self.offered = 0
        self.seen: list[int] = []
        self.server: uvicorn.Server

    def refuse(self, _: bytes, __: bytes, under_way: int) -> bytes | None:
        self.seen.append(under_way)
        return NO if self.is_full else None

    def take(self, request: PlainRequest, answer: Answer) -> "asyncio.Future[None] | None":
        self.offered += 1
        if not self.takes:
            return None
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda it: answer(self.response(request, cancelled=it.cancelled())))
        if self.waits:
            self.taken.append(done)
        else:
            done.set_result(None)
        return done

    def response(self, request: PlainRequest, *, cancelled: bool) -> Whole:
        return Whole(504 if cancelled else 201, b"x-of: short\r\n", self.body or request.body)

    def answer(self) -> None:
        self.taken.pop(0).set_result(None)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.longs.append(scope["path"])
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def house() -> House:
    return House()


@pytest.fixture
async def server(house: House) -> AsyncIterator[uvicorn.Server]:
    shortcut = Shortcut(b"POST", b"/short", house.take)
    async with serving(house, partial(ShortcutProtocol, shortcut, house.refuse)) as server:
        house.server = server
        yield server
        while house.taken:
            house.answer()


@pytest.fixture
async def client(server: uvicorn.Server) -> AsyncIterator[Client]:
    client = await connect(server)
    yield client
    client.writer.close()


async def answered(client: Client) -> tuple[bytes, str | None, bytes]:
    """Status, who answered, and the body of the next answer."""
    status, _, head = (await client.until(b"\r\n\r\n")).partition(b"\r\n")
    headers = BytesHeaderParser().parsebytes(head)
    body = await client.reader.readexactly(int(headers["content-length"]))
    return status, headers["x-of"], body


def short(body: bytes) -> tuple[bytes, str | None, bytes]:
    return b"HTTP/1.1 201 Created", "short", body


LONG_ANSWER = (b"HTTP/1.1 200 OK", None, b"ok")


async def waiting(house: House, count: int) -> None:
    async def are_there() -> bool:
        return len(house.taken) == count

    await eventually(are_there)


async def test_a_plain_request_does_not_come_to_the_application(client: Client, house: House) -> None:
    for body in (b"{}", b"[]"):
        await client.send(SHORT % body)
        assert await answered(client) == short(body)
    assert house.longs == []


async def test_an_answer_says_when_it_is(client: Client) -> None:
    await client.send(SHORT % b"{}")
    head = await client.until(b"\r\n\r\n")
    assert BytesHeaderParser().parsebytes(head.partition(b"\r\n")[2])["date"].endswith(" GMT")


async def test_both_ways_are_open_on_one_connection(client: Client, house: House) -> None:
    for _ in range(2):
        await client.send(SHORT % b"{}")
        assert await answered(client) == short(b"{}")
        await client.send(LONG)
        assert await answered(client) == LONG_ANSWER
    assert house.longs == ["/long"] * 2


@pytest.mark.parametrize(
    "pieces",
    [
        [SHORT[:-2], b"{", b"}"],
        [SHORT[:-2].replace(b"host: a", b"expect: 100-continue"), b"{}"],
        [SHORT[:9], SHORT[9:] % b"{}"],
        [(SHORT % b"{}").replace(b"host: a", b"connection: keep-alive, x")],
        [(SHORT % b"{}").replace(b"host: a", b"x: \xff")],
    ],
    ids=["body in two", "expectation", "head in two", "unusual header", "beyond ASCII"],
)
async def test_what_is_not_plain_is_left_to_the_application(client: Client, pieces: list[bytes]) -> None:
    for piece in pieces:
        await client.send(piece)
        await asyncio.sleep(0.02)
    if b"expect" in pieces[0]:
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    assert await answered(client) == LONG_ANSWER


async def test_a_body_may_come_after_its_head(client: Client, house: House) -> None:
    for _ in range(3):
        await client.send(SHORT[:-2])
        await asyncio.sleep(0.02)
        await client.send(b"{}")
        assert await answered(client) == short(b"{}")
    assert house.longs == []


async def test_a_body_may_come_later_than_a_connection_may_rest(client: Client) -> None:
    await client.send(SHORT % b"{}")
    assert await answered(client) == short(b"{}")
    await client.send(SHORT[:-2])
    await asyncio.sleep(2 * QUIET_SECONDS)
    await client.send(b"{}")
    assert await answered(client) == short(b"{}")


@pytest.mark.parametrize("begins", [b"GET /short", b"PUT /short", b"POST /short?a=b", b"POST /short/", b"POST /other"])
async def test_only_its_own_requests_are_taken_on_also_after_a_refusal(
    client: Client, house: House, begins: bytes
) -> None:
    other = (SHORT % b"{}").replace(b"POST /short", begins)
    house.is_full = True
    await client.send(other)
    assert await client.until(b"no") == NO
    house.is_full = False
    await client.send(other)
    assert await answered(client) == LONG_ANSWER


async def test_what_is_taken_on_is_under_way_until_it_is_answered(client: Client, house: House) -> None:
    house.waits = True
    await client.send(SHORT % b"{}")
    await waiting(house, 1)
    assert house.seen == [0]
    house.answer()
    assert await answered(client) == short(b"{}")
    await client.send(LONG)
    assert await answered(client) == LONG_ANSWER
    assert set(house.seen[1:]) == {0}
    house.seen.clear()
    await client.send(SHORT % b"{}")
    await waiting(house, 1)
    other = await connect(house.server)
    await other.send(SHORT % b"{}")
    await waiting(house, 2)
    assert house.seen == [0, 1]
    other.writer.close()


async def test_what_nobody_takes_on_is_left_to_the_application(client: Client, house: House) -> None:
    house.takes = False
    await client.send(SHORT % b"{}")
    assert await answered(client) == LONG_ANSWER
    house.takes = True
    await client.send(SHORT % b"{}")
    assert await answered(client) == short(b"{}")


async def test_what_is_too_much_is_refused_before_it_is_taken_on(client: Client, house: House) -> None:
    house.is_full = house.waits = True
    for _ in range(2):
        await client.send(SHORT % b"{}")
        assert await client.until(b"no") == NO
    assert house.taken == []
    house.is_full = house.waits = False
    await client.send(SHORT % b"{}")
    assert await answered(client) == short(b"{}")


async def test_who_is_refused_again_need_not_send_a_body(client: Client, house: House) -> None:
    house.is_full = True
    await client.send(SHORT % b"{}")
    assert await client.until(b"no") == NO
    await client.send(SHORT[:-2])
    assert await client.until(b"no") == NO


async def test_what_is_sent_behind_a_request_waits_until_that_is_answered(client: Client, house: House) -> None:
    house.waits = True
    await client.send(SHORT % b"{}")
    await waiting(house, 1)
    await client.send(LONG + SHORT % b"[]")
    with pytest.raises(TimeoutError):  # nothing overtakes
        await asyncio.wait_for(client.reader.read(1), 0.05)
    house.answer()
    assert await answered(client) == short(b"{}")
    assert await answered(client) == LONG_ANSWER
    assert await answered(client) == LONG_ANSWER
    assert house.longs == ["/long", "/short"]
    house.waits = False
    await client.send(SHORT % b"{}")
    assert await answered(client) == short(b"{}")


async def test_a_plain_request_behind_another_is_not_taken_on(client: Client, house: House) -> None:
    house.waits = True
    await client.send(SHORT % b"{}")
    await waiting(house, 1)
    await client.send(SHORT % b"[]")
    await asyncio.sleep(0.02)
    house.answer()
    assert await answered(client) == short(b"{}")
    assert await answered(client) == LONG_ANSWER


async def test_a_head_that_begins_behind_a_request_may_end_after_its_answer(client: Client, house: House) -> None:
    house.waits = True
    await client.send(SHORT % b"{}")
    await waiting(house, 1)
    await client.send(LONG[:9])
    await asyncio.sleep(0.02)
    house.answer()
    assert await answered(client) == short(b"{}")
    await client.send(LONG[9:])
    assert await answered(client) == LONG_ANSWER


async def test_who_is_gone_is_answered_nothing(client: Client, house: House, server: uvicorn.Server) -> None:
    house.waits = True
    await client.send(SHORT % b"{}" + LONG)
    await asyncio.sleep(0.02)
    await client.send(SHORT % b"{}")
    client.writer.transport.abort()

    async def is_lost() -> bool:
        return not server.server_state.connections

    await eventually(is_lost)
    while house.taken:
        house.answer()
    other = await connect(server)
    house.waits = False
    await other.send(SHORT % b"{}")
    assert await answered(other) == short(b"{}")
    other.writer.close()


async def test_who_waits_for_an_answer_may_wait_for_longer_than_a_connection_may_rest(
    client: Client, house: House
) -> None:
    await client.send(SHORT % b"{}")
    assert await answered(client) == short(b"{}")
    house.waits = True
    await client.send(SHORT % b"{}")
    await asyncio.sleep(2.5 * QUIET_SECONDS)
    house.answer()
    assert await answered(client) == short(b"{}")
    assert await client.rest() == b"", "and is cut off when it rests"


async def test_who_asks_again_and_again_is_not_cut_off(client: Client) -> None:
    for _ in range(15):
        await client.send(SHORT % b"{}")
        assert await answered(client) == short(b"{}")
        await asyncio.sleep(QUIET_SECONDS / 10)


async def test_the_answer_to_what_is_under_way_is_the_last_when_the_server_stops(
    client: Client, house: House, server: uvicorn.Server
) -> None:
    house.waits = True
    await client.send(SHORT % b"{}")
    await waiting(house, 1)
    server.should_exit = True

    async def is_closed() -> bool:
        return not server.servers[0].is_serving()

    await eventually(is_closed)
    await asyncio.sleep(0.05)
    house.answer()
    assert (await client.until(b"{}")).count(b"\r\nconnection: close\r\n") == 1
    await client.send(SHORT % b"{}")
    assert await client.rest() == b""


async def test_a_head_is_the_beginning_of_a_request_when_the_server_stops(
    client: Client, server: uvicorn.Server
) -> None:
    await client.send(SHORT[:-2])
    await asyncio.sleep(0.02)
    server.should_exit = True

    async def is_closed() -> bool:
        return not server.servers[0].is_serving()

    await eventually(is_closed)
    await asyncio.sleep(0.7)  # longer than a connection that rests is left open
    await client.send(b"{}")
    assert (await client.rest()).count(b"\r\nconnection: close\r\n") == 1


async def test_what_is_not_answered_in_time_when_the_server_stops_is_answered_that(
    client: Client, house: House, server: uvicorn.Server
) -> None:
    server.config.timeout_graceful_shutdown = 1
    house.waits = True
    await client.send(SHORT % b"{}")
    await waiting(house, 1)
    server.should_exit = True
    told = await client.rest()
    house.taken.clear()
    assert told.startswith(b"HTTP/1.1 504 ")
    assert b"\r\nconnection: close\r\n" in told


async def test_a_request_after_the_server_was_told_to_stop_gets_a_last_answer(
    client: Client, house: House, server: uvicorn.Server
) -> None:
    await client.send(SHORT % b"{}")
    assert await answered(client) == short(b"{}")
    server.should_exit = True

    async def is_closed() -> bool:
        return not server.servers[0].is_serving()

    await eventually(is_closed)
    await client.send(SHORT % b"{}")
    assert (await client.rest()).count(b"\r\nconnection: close\r\n") == 1
    assert house.longs == ["/short"]


async def test_who_does_not_read_its_answers_is_made_to_wait(client: Client, house: House) -> None:
    house.body = bytes(200_000)

    for _ in range(1000):
        seen = house.offered
        await client.send(SHORT % b"{}")

        async def is_seen() -> bool:
            return house.offered > seen or bool(house.longs)  # noqa: B023  # it is done with before the next

        await eventually(is_seen)
        if house.longs:
            break
    assert house.longs, "it is the application that makes it wait"
