"""Cursors: where a list goes on, as clients keep it and give it back. One fits only the list that it came from."""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from onhand.gateway.problems import Violation, invalid_request

_VERSION = b"\x01"
_DIGEST_BYTES = 8
_FORM = re.compile(r"[A-Za-z0-9_-]{12,1024}")
_UNFIT = "was not given for this list with these filters; begin again without it"


def encode_cursor(position: str, listed: str) -> str:
    """Write down where a list goes on.

    Args:
        position: the last entry of the page before.
        listed: the list and its filters.
    """
    return _text(_VERSION + _digest(position, listed) + position.encode())


def decode_cursor(text: str, listed: str, kind: Any) -> Any:  # noqa: ANN401  # what kind says
    """Read where a list goes on.

    Args:
        text: as the client gave it.
        listed: the list and its filters.
        kind: of the position: a type that msgspec can make of a text.

    The digest is no secret. It keeps from a list what was cut off, mistyped or given for something else; a client that
    makes a cursor of its own gets to see what it could have asked for anyway.

    Raises:
        Problem: 422, it was not given for this list with these filters.
    """
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if _FORM.fullmatch(text) else b""
        start = len(_VERSION) + _DIGEST_BYTES
        position = data[start:].decode()
        if data[:start] == _VERSION + _digest(position, listed) and text == _text(data):
            return msgspec.convert(position, kind)
    except (ValueError, msgspec.ValidationError):  # no base64, no UTF-8 in it, or no position
        pass
    raise invalid_request(Violation(_UNFIT, parameter="cursor"))


def _digest(position: str, listed: str) -> bytes:
    return hashlib.blake2b(f"{listed}\n{position}".encode(), digest_size=_DIGEST_BYTES).digest()


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
