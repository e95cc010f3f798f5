"""HTTP requests that are so plain that no parser is needed to tell what they are.

To parse a request costs more than to refuse it, and most of the many that are refused look alike. But who takes a
request for what it is not may take a part of its body for the next one. So all that is written in an unusual way, or
has a header on which it depends where a request ends or what becomes of its connection, is left to the parser.
"""

import re

_OTHER_HEADERS = (
    rb"(?:(?!connection|content-length|expect|keep-alive|proxy-connection|transfer-encoding|upgrade)"
    rb"[a-z][a-z0-9-]{0,63}: ?[!-~](?:[ -~]{0,500}[!-~])?\r\n){0,50}"
)
_PLAIN = re.compile(
    rb"(DELETE|GET|PATCH|POST|PUT) (/[!-\"$-~]{0,500}) HTTP/1\.1\r\n(?i:"
    + _OTHER_HEADERS
    + rb"(?:content-length: ?([0-9]{1,6})\r\n"
    + _OTHER_HEADERS
    + rb")?)\r\n"
)


def read_plain(data: bytes) -> tuple[bytes, bytes] | None:
    """Method and target, if these bytes are one whole request in plain form, with its body and nothing behind it."""
    found = _PLAIN.match(data)
    if found is None or len(data) - found.end() != int(found[3] or 0):
        return None
    return found[1], found[2]
