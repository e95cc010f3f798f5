"""What is read without the parser is what the parser would read."""

from typing import Any

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onhand.common.plain_requests import PlainRequest, head_of_plain, plain_request

HEAD = b"POST /api/gateway/orders?a=%2F HTTP/1.1\r\nHost: a:1\r\nContent-Type: application/json\r\n"
PLAIN = HEAD + b"Content-Length: 2\r\n\r\n{}"
PIECES = [
    *(b"GET", b"POST", b"HEAD", b"get", b" ", b"/", b"/a?b", b"#", b"*", b"http://a/", b"HTTP/1.1", b"HTTP/1.0"),
    *(b"\r\n", b"\n", b"\r", b"\t", b":", b": ", b"host: a\r\n", b"a: b\r\n", b" folded\r\n", b"content-length: 2\r\n"),
    *(b"Content-Length:0\r\n", b"content-length: +2\r\n", b"content-length : 2\r\n", b"content-length: 2, 2\r\n"),
    *(
        b"transfer-encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"connection: keep-alive\r\n",
        b"upgrade: websocket\r\n",
        b"expect: 100-continue\r\n",
    ),
    *(b"proxy-connection: close\r\n", b"keep-alive: 1\r\n", b"{}", b"0\r\n\r\n", b"\x00", b"\x7f", b"\x80", b"{"),
    b"GET / HTTP/1.1\r\n\r\n",
]


class Parsed:
    """What the parser makes of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.events: list[tuple[str, Any]] = []
        self.url = b""
        self.keeps_alive = False
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(data)
        self.method = self._parser.get_method()
        self.version = self._parser.get_http_version()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.events.append((name.lower().decode(), value))

    def on_message_begin(self) -> None:
        self.events.append(("begin", None))

    def on_message_complete(self) -> None:
        self.events.append(("end", None))
        self.keeps_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        self.events.append(("body", body))


def read_plain(data: bytes) -> PlainRequest | None:
    head = head_of_plain(data)
    return None if head is None else plain_request(head, data)


def check(data: bytes) -> bool:
    """If it is plain: to the parser it is one whole request, the same one, after which nothing is left to be read."""
    plain = read_plain(data)
    if plain is None:
        return False
    parsed = Parsed(data)
    kinds = [kind for kind, _ in parsed.events]
    assert (parsed.method, parsed.url, parsed.version) == (plain.head.method, plain.head.target, "1.1")
    assert kinds.count("begin") == kinds.count("end") == 1
    assert kinds[0] == "begin"
    assert kinds[-1] == "end"
    assert parsed.keeps_alive
    assert not {"transfer-encoding", "expect", "upgrade"} & set(kinds)
    headers = [(kind.encode(), value) for kind, value in parsed.events if kind not in {"begin", "body", "end"}]
    assert list(plain.head.headers) == headers
    assert plain.body == b"".join(value for kind, value in parsed.events if kind == "body")
    assert data.endswith(b"\r\n\r\n" + plain.body)
    return True


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (PLAIN, (b"POST", b"/api/gateway/orders?a=%2F")),
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", (b"GET", b"/")),
        (b"PUT /a HTTP/1.1\r\ncontent-length: 0\r\nx-y: z\r\n\r\n", (b"PUT", b"/a")),
        (b"PUT /a HTTP/1.1\r\nConnection: keep-alive\r\nx:y: z\r\n\r\n", (b"PUT", b"/a")),
    ],
)
def test_what_clients_usually_send_is_plain(data: bytes, plain: tuple[bytes, bytes]) -> None:
    found = read_plain(data)
    assert found is not None
    assert (found.head.method, found.head.target) == plain
    assert check(data)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN[:-1],
        b"GET / HTTP/1.1\r\nhost: a",
        b"GET / HTTP/1.1\r\nhost: a\r\n",
        PLAIN + b"G",
        PLAIN + PLAIN,
        PLAIN.replace(b"Host", b"Connection"),
        PLAIN.replace(b"Host: a:1", b"Connection: keep-alive, close"),
        PLAIN.replace(b"Host: a:1", b"Connection: Keep-Alive\r\nConnection: close"),
        PLAIN.replace(b"Host", b"Transfer-Encoding"),
        PLAIN.replace(b"Host", b"expect"),
        PLAIN.replace(b"Host: a:1", b"Content-Length: 2"),
        PLAIN.replace(b"Host: a:1", b"Host: a\n b"),
        PLAIN.replace(b"Host:", b"Host :"),
        PLAIN.replace(b"Length: 2", b"Length: +2"),
        PLAIN.replace(b"Length: 2", b"Length: 0x2"),
        PLAIN.replace(b"1.1", b"1.0"),
        PLAIN.replace(b"POST", b"HEAD"),
        PLAIN.replace(b"/api", b"http://a/api"),
        PLAIN.replace(b"\r\n", b"\n"),
        b"\r\n" + PLAIN,
    ],
)
def test_what_is_unusual_is_left_to_the_parser(data: bytes) -> None:
    assert read_plain(data) is None


def test_the_beginning_of_a_request_is_none() -> None:
    assert [length for length in range(len(PLAIN)) if read_plain(PLAIN[:length])] == []


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_whatever_is_put_together_is_read_as_the_parser_reads_it(data: bytes) -> None:
    check(data)


@given(st.integers(0, len(PLAIN)), st.integers(0, 8), st.sampled_from(PIECES) | st.binary(max_size=6))
@example(0, 4, b"get")
def test_whatever_is_changed_in_a_request_it_is_read_as_the_parser_reads_it(at: int, length: int, new: bytes) -> None:
    check(PLAIN[:at] + new + PLAIN[at + length :])
