import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from benchmarks import generator, load
from benchmarks.load import Load, LoadFailed, parse_wrk
from benchmarks.requests import Questions, Request

WRK_OUTPUT = """\
Running 10s test @ http://127.0.0.1:3000/api/gateway/orders
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    15.43ms    3.02ms  60.11ms   85.01%
41310 requests in 10.01s, 11.00MB read
onhand-load {"answered":41310,"refused":10,"unanswered":2,"micros":10010000,"p50":15012,"p99":24250}
"""


def test_what_wrk_tells_is_read() -> None:
    assert parse_wrk(WRK_OUTPUT) == Load(
        created=41300, refused=10, unanswered=2, seconds=10.01, p50_ms=15.012, p99_ms=24.25
    )


def test_wrks_own_words_are_told_when_it_fails() -> None:
    with pytest.raises(LoadFailed, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_the_length_of_an_answer_is_that_of_its_head_and_its_body() -> None:
    head = b"HTTP/1.1 201 Created\r\nContent-Length: 7\r\nlocation: /x\r\n\r\n"
    assert generator.answer_length(head + b"{}") == len(head) + 7


async def test_our_own_generator_counts_answers_by_status() -> None:
    seen: Counter[bytes] = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"}"):
            seen[request.rpartition(b"\n")[2]] += 1
            status = b"201 Created" if seen.total() % 2 else b"503 Service Unavailable"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 2\r\n\r\n{")
            await writer.drain()
            writer.write(b"}")

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        requests = [Request("POST", "/", body) for body in ("{}", '{"a":1}')]
        result = await generator.run(f"http://127.0.0.1:{port}", requests, connections=2, seconds=0.1)
    assert seen.keys() == {b"{}", b'{"a":1}'}
    assert abs(seen[b"{}"] - seen[b'{"a":1}']) <= 1
    assert result.statuses[201] > 0
    assert abs(result.statuses[201] - result.statuses[503]) <= 1
    assert 0 < result.percentile(50) <= result.percentile(99)
    assert result.broken == 0


Answers = Callable[[bytes], bytes]
"""Takes a request up to where `serving` reads, and returns the whole answer."""


@asynccontextmanager
async def serving(answer: Answers, end: bytes) -> AsyncGenerator[str]:
    """A server that answers what ends so; gives its URL, and is left when all its clients are gone."""
    answering: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            answering.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readuntil(end):
                writer.write(answer(request))
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.wait(answering, timeout=5)


async def test_our_own_generator_sends_each_request_once_and_ends_when_all_are_answered() -> None:
    seen: Counter[str] = Counter()

    def answer(request: bytes) -> bytes:
        seen[request.rpartition(b"\n")[2].decode()] += 1
        return b"HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\n{}"

    async with serving(answer, b"}") as url:
        requests = [Request("POST", "/", f'{{"a":{number}}}') for number in range(10)]
        result = await generator.run_once(url, requests, connections=3, limit_seconds=60)
    assert seen == {it.body: 1 for it in requests}
    assert result.statuses == {409: 10}
    assert result.broken == 0
    assert result.seconds < 30, "it does not wait for the limit"


@pytest.mark.parametrize("has_wrk", [True, False])
async def test_what_only_asks_is_sent_without_a_body(has_wrk: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_wrk:
        monkeypatch.setattr(load, "wrk", lambda: None)
    elif load.wrk() is None:
        pytest.skip("wrk is not there")
    heads: set[tuple[bytes, bool]] = set()

    def answer(head: bytes) -> bytes:
        heads.add((head.partition(b" HTTP")[0], b"content-length" in head.lower()))
        return b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

    async with serving(answer, b"\r\n\r\n") as url:
        seen = await load.run(url, Questions(["/one", "/two?of=it"]), connections=2, seconds=1)
    assert heads == {(b"GET /one", False), (b"GET /two?of=it", False)}
    assert seen.created > 0
    assert seen.refused == seen.unanswered == 0
