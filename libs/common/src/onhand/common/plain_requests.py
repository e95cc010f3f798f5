"""HTTP requests that are so plain that no parser is needed to tell what they are.

To parse a request costs more than to refuse it, and almost as much as to carry it out, and most of the many look alike.
But who takes a request for what it is not may take a part of its body for the next one. So all that is written in an
unusual way, or has a header on which it depends where a request ends or what becomes of its connection, is left to the
parser.
"""

import re
from functools import lru_cache

from msgspec import Struct

_OTHER_HEADERS = (
    rb"(?:(?!connection(?!: ?keep-alive\r\n)|content-length|expect|keep-alive|proxy-connection|transfer-encoding"
    rb"|upgrade)"
    rb"[a-z][a-z0-9-]{0,63}: ?[!-~](?:[ -~]{0,500}[!-~])?\r\n){0,50}"
)
_PLAIN = re.compile(
    rb"(DELETE|GET|PATCH|POST|PUT) (/[!-\"$-~]{0,500}) HTTP/1\.1\r\n(?i:("
    + _OTHER_HEADERS
    + rb"(?:content-length: ?([0-9]{1,6})\r\n"
    + _OTHER_HEADERS
    + rb")?))"
)
_HEAD_END = b"\r\n\r\n"
LONGEST_REMEMBERED = 2048
"""Bytes of a head. Clients send the same one again and again; to look it up is cheaper than to read it."""


class PlainHead(Struct, frozen=True):
    """The head of a request.

    Attributes:
        method: in capital letters.
        target: path and query.
        headers: names, in small letters, and values, as ASGI has them.
        length: of the body, in bytes.
        size: of the head itself.
    """

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    length: int
    size: int


class PlainRequest(Struct, frozen=True):
    """A request and all of its body."""

    head: PlainHead
    body: bytes


def head_of_plain(data: bytes) -> PlainHead | None:
    """The head of the request, if these bytes are one whole request in plain form and nothing behind it."""
    lines, end, body = data.partition(_HEAD_END)
    head = _head_in(lines) if end else None
    return head if head is not None and head.length == len(body) else None


def plain_request(head: PlainHead, data: bytes) -> PlainRequest:
    """The request that these bytes are, whose head is `head_of_plain`."""
    return PlainRequest(head, data[head.size + len(_HEAD_END) :])


def is_plain_head(data: bytes) -> bool:
    """Whether these bytes are the whole head of a request in plain form, and its body is still to come."""
    lines, end, body = data.partition(_HEAD_END)
    head = _head_in(lines) if end and not body else None
    return head is not None and head.length > 0


def _head_in(lines: bytes) -> PlainHead | None:
    return _read_again(lines) if len(lines) <= LONGEST_REMEMBERED else _read(lines)


def _read(lines: bytes) -> PlainHead | None:
    found = _PLAIN.fullmatch(lines + b"\r\n")
    if found is None:
        return None
    headers = (line.partition(b":") for line in found[3].split(b"\r\n")[:-1])
    return PlainHead(
        found[1],
        found[2],
        tuple((name.lower(), value.lstrip()) for name, _, value in headers),
        int(found[4] or 0),
        len(lines),
    )


_read_again = lru_cache(maxsize=1024)(_read)
