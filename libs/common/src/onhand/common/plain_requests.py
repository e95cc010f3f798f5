"""HTTP requests that are so plain that no parser is needed to tell what they are.

To parse a request costs more than to refuse it, and almost as much as to carry it out, and most of the many look alike.
But who takes a request for what it is not may take a part of its body for the next one. So all that is written in an
unusual way, or has a header on which it depends where a request ends or what becomes of its connection, is left to the
parser.
"""

import re
from typing import NamedTuple

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
    + rb")?))\r\n"
)


class PlainRequest(NamedTuple):
    """A request as it was sent.

    Attributes:
        method: in capital letters.
        target: path and query.
        header_lines: each with its line end.
        body: the whole of it.
    """

    method: bytes
    target: bytes
    header_lines: bytes
    body: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Names, in small letters, and values, as ASGI has them."""
        lines = (line.partition(b":") for line in self.header_lines.split(b"\r\n")[:-1])
        return [(name.lower(), value.lstrip()) for name, _, value in lines]


def read_plain(data: bytes) -> PlainRequest | None:
    """The request, if these bytes are one whole request in plain form and nothing behind it."""
    found = _PLAIN.match(data)
    if found is None or len(data) - found.end() != int(found[4] or 0):
        return None
    return PlainRequest(found[1], found[2], found[3], data[found.end() :])
