"""Whatever requests come over a connection, in whatever pieces, each is answered once, in turn, and as itself.

The head of a request may be read without the parser, held until its body is there, or refused; and a body may look like
a request. Who takes the one for the other answers somebody what another has asked.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import uvicorn
from hypothesis import example, given
from hypothesis import strategies as st
from serving import Client, Receive, Send, connect, serving

from onhand.common.plain_requests import PlainRequest
from onhand.common.shortcuts import Answer, Shortcut, ShortcutProtocol, Whole

_REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"
_HEAD_END = b"\r\n\r\n"
_SMUGGLED = b"POST /short HTTP/1.1\r\nhost: a\r\nx-number: 99\r\nx-way: at once\r\ncontent-length: 0\r\n\r\n"
_WAYS = ("at once", "soon", "later", "by the application")


class Asked(NamedTuple):
    """A request.

    Attributes:
        form: how it is written.
        way: how it is answered if it may be past the application.
        cuts: where it is cut into pieces; beyond its end they count from its beginning again.
    """

    form: str
    body: bytes
    way: str
    cuts: tuple[int, ...]

    def pieces(self, number: int) -> list[bytes]:
        """What is sent, with the number that its answer has to have."""
        whole = self._whole(number)
        head = whole.index(_HEAD_END) + len(_HEAD_END)
        cuts = sorted({0, len(whole), *(head if cut == 0 else cut % len(whole) for cut in self.cuts)})
        return [whole[start:end] for start, end in pairwise(cuts)]

    def _whole(self, number: int) -> bytes:
        known = b"host: a\r\nx-number: %d\r\nx-way: %b\r\n" % (number, self.way.encode())
        length = b"content-length: %d\r\n\r\n" % len(self.body)
        match self.form:
            case "plain":
                return b"POST /short HTTP/1.1\r\n" + known + length + self.body
            case "elsewhere":
                return b"PUT /long HTTP/1.1\r\n" + known + length + self.body
            case "unusual":
                return b"POST /short HTTP/1.1\r\nx-odd:   \xff\r\n" + known + length + self.body
            case "in chunks":
                chunk = b"%x\r\n%b\r\n" % (len(self.body), self.body) if self.body else b""
                return (
                    b"POST /short HTTP/1.1\r\n" + known + b"transfer-encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
                )
            case _:
                return b"GET /long HTTP/1.1\r\n" + known + b"\r\n"


_ASKED = st.builds(
    Asked,
    form=st.sampled_from(["plain", "plain", "plain", "elsewhere", "unusual", "in chunks", "without a body"]),
    body=st.sampled_from([b"", b"{}", b"a" * 40, _SMUGGLED]),
    way=st.sampled_from(_WAYS),
    cuts=st.lists(st.one_of(st.just(0), st.integers(1, 250)), max_size=3).map(tuple),
)


class House:
    """Answers each request with its own number and body, or refuses it.

    Attributes:
        refusals: whether the next to come to the door is refused, and the next, and so on; nobody else is.
        refused: how many were.
    """

    def __init__(self) -> None:
        self.refusals: list[bool] = []
        self.refused = 0

    def refuse(self, *_: object) -> bytes | None:
        if not (self.refusals and self.refusals.pop()):
            return None
        self.refused += 1
        return _REFUSAL

    def take(self, request: PlainRequest, answer: Answer) -> asyncio.Future[Any] | None:
        said = dict(request.head.headers)
        way, whole = said[b"x-way"].decode(), Whole(201, b"x-number: %b\r\n" % said[b"x-number"], request.body)
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        if way == "at once":
            done.set_result(None)
            answer(whole)
            return done
        if way == "by the application":
            return None
        done.add_done_callback(lambda _: answer(whole))
        if way == "soon":
            done.set_result(None)
        else:
            loop.call_later(0.001, done.set_result, None)
        return done

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401  # as ASGI has it
        number, body, has_more = dict(scope["headers"])[b"x-number"], b"", True
        while has_more:
            message = await receive()
            body, has_more = body + message.get("body", b""), message.get("more_body", False)
        headers = [(b"x-number", number), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _is_refused(client: Client, asked: Asked, number: int) -> bool:
    """Read the next answer, and hold it against what was asked; returns whether it is a refusal."""
    async with asyncio.timeout(5):
        lines = (await client.until(_HEAD_END)).removesuffix(_HEAD_END).split(b"\r\n")
        said = dict(line.split(b": ", 1) for line in lines[1:])
        body = await client.reader.readexactly(int(said[b"content-length"]))
    if lines[0].startswith(b"HTTP/1.1 503 "):
        return True
    assert int(said[b"x-number"]) == number
    assert body == (b"" if asked.form == "without a body" else asked.body)
    return False


async def _converse(server: uvicorn.Server, asked: Sequence[Asked], *, waits: bool) -> int:
    """Ask over one connection; who waits does so for each answer before it asks on. Returns how many were refused."""
    client, refused = await connect(server), 0
    try:
        while not server.server_state.connections:  # noqa: ASYNC110  # uvicorn tells nobody; else pieces would be one
            await asyncio.sleep(0)
        for number, one in enumerate(asked):
            for piece in one.pieces(number):
                await client.send(piece)
                await asyncio.sleep(0)
                await asyncio.sleep(0)  # so that it is read before the next is sent
            if waits:
                refused += await _is_refused(client, one, number)
        if not waits:
            for number, one in enumerate(asked):
                refused += await _is_refused(client, one, number)
        client.writer.write_eof()
        assert await client.rest() == b"", "something was answered twice"
        return refused
    finally:
        client.writer.close()
        await client.writer.wait_closed()


def test_each_request_is_answered_once_in_turn_and_as_itself() -> None:
    house = House()
    shortcut = Shortcut(b"POST", b"/short", house.take)
    with asyncio.Runner() as runner:
        served = serving(house, partial(ShortcutProtocol, shortcut, house.refuse), rest_seconds=60)
        server = runner.run(served.__aenter__())

        @given(
            asked=st.lists(_ASKED, min_size=1, max_size=5),
            refusals=st.lists(st.booleans(), max_size=8),
            waits=st.booleans(),
        )
        @example(
            asked=[
                Asked("plain", b"{}", "soon", ()),
                Asked("plain", _SMUGGLED, "soon", (0,)),
                Asked("plain", b"{}", "soon", ()),
            ],
            refusals=[False, True],
            waits=True,
        )
        @example(
            asked=[Asked("plain", b"1", "later", ()), Asked("plain", b"2", "at once", ())], refusals=[], waits=False
        )
        def conversation(asked: list[Asked], refusals: list[bool], *, waits: bool) -> None:
            house.refusals, house.refused = refusals[::-1], 0
            assert runner.run(_converse(server, asked, waits=waits)) == house.refused

        try:
            conversation()
        finally:
            runner.run(served.__aexit__(None, None, None))
