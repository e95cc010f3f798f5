"""Clients: what happens to them is written down as it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.system import free_ports
from tests.failures.clients import Client, Wish
from tests.failures.errands import cancel
from tests.failures.history import NO_ANSWER, History, Purchase, Record
from tests.failures.load import seeded


@asynccontextmanager
async def client_of(answer: bytes) -> AsyncIterator[Client]:
    """A client of a server that answers every request with these bytes and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Client("1", f"http://127.0.0.1:{port}") as client:
        yield client


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def bought(answer: bytes) -> Purchase:
    async with client_of(answer) as client:
        return await client.buy(Wish("1-1", (("tea", 2),)))


async def test_an_accepted_purchase_is_written_down_with_its_order() -> None:
    purchase = await bought(http("201 Created", '{"orderId":"a","status":"pending"}'))
    assert purchase.is_done
    assert (purchase.order_id, purchase.status, purchase.customer) == ("a", "pending", "1-1")
    assert purchase.asked_at < purchase.answered_at


async def test_a_purchase_answered_504_is_unknown_and_its_order_can_be_looked_up() -> None:
    purchase = await bought(http("504 Gateway Timeout", '{"orderId":"a","status":504}'))
    assert purchase.is_unknown
    assert (purchase.order_id, purchase.status) == ("a", "")


async def test_a_purchase_answered_503_is_refused() -> None:
    assert (await bought(http("503 Service Unavailable", '{"status":503}'))).is_refused


@pytest.mark.parametrize(
    "half_an_answer", [b"", b"HTTP/1.1 201 Cre", b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_a_purchase_whose_answer_breaks_off_is_unknown(half_an_answer: bytes) -> None:
    purchase = await bought(half_an_answer)
    assert purchase.answer == NO_ANSWER
    assert purchase.error
    assert purchase.is_unknown


async def test_a_purchase_that_finds_nobody_there_was_never_sent() -> None:
    (port,) = free_ports(1)
    async with Client("1", f"http://127.0.0.1:{port}") as client:
        purchase = await client.buy(Wish("1-1", (("tea", 2),)))
    assert purchase.is_refused
    assert not purchase.is_unknown


async def test_a_client_connects_again_after_an_answer_that_says_it_is_the_last() -> None:
    async with client_of(http("503 Service Unavailable\r\nConnection: close", "{}")) as client:
        answers = [(await client.look("a")).answer for _ in range(3)]
    assert answers == [503, 503, 503]


async def test_a_look_that_finds_no_order_has_seen_no_status() -> None:
    async with client_of(http("404 Not Found", '{"status":404}')) as client:
        seen = await client.look("a")
    assert (seen.answer, seen.status) == (404, "")


async def test_a_deed_is_written_down_with_what_was_told_of_its_order() -> None:
    told = '{"orderId":"a","status":"cancelled","fulfilment":"unfulfilled","reservationId":"b"}'
    async with client_of(http("200 OK", told)) as client:
        deed = await client.do(cancel("a", "key"))
    assert deed.is_done
    assert (deed.verb, deed.subject, deed.key) == ("cancel", "a", "key")
    assert (deed.told_id, deed.status, deed.fulfilment) == ("a", "cancelled", "unfulfilled")


async def test_a_deed_that_may_not_be_is_refused_and_tells_no_status() -> None:
    async with client_of(http("409 Conflict", '{"status":409,"state":"rejected"}')) as client:
        deed = await client.do(cancel("a", "key"))
    assert deed.is_refused
    assert (deed.told_id, deed.status) == ("", "")


async def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    records: list[Record] = [await bought(http("503 No", "{}")), await bought(b"")]
    async with client_of(http("200 OK", '{"status":"confirmed"}')) as client:
        records.append(await client.look("a"))
        records.append(await client.do(cancel("a", "key")))
    for record in records:
        history.add(record)
    assert history.read() == records
    history.close()


def test_a_seed_repeats_every_choice_and_each_purpose_has_its_own() -> None:
    assert seeded(1, "a").random() == seeded(1, "a").random()
    assert len({seeded(1, "a").random(), seeded(1, "b").random(), seeded(2, "a").random()}) == 3
