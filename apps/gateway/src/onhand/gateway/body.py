"""Request bodies: bounded, decoded, and explained field by field when they are wrong."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar

import falcon.asgi
import msgspec

from onhand.gateway.explanation import Body, violations_of
from onhand.gateway.problems import Problem, invalid_request

MAX_BODY_BYTES = 256 * 1024
_MAX_VIOLATIONS = 20
_MAX_DIGITS = 100

BodyT = TypeVar("BodyT", bound=Body)


async def read_body(
    request: falcon.asgi.Request, decoder: msgspec.json.Decoder[BodyT], max_bytes: int = MAX_BODY_BYTES
) -> BodyT:
    """Read a JSON body.

    Args:
        request: has it.
        decoder: of its shape.
        max_bytes: that it may have.

    Raises:
        Problem: 413 too long, 415 not JSON, 400 malformed, 422 not of the body's shape; the last names each field.
    """
    if not is_json(request.scope["headers"]):
        raise Problem(415, "unsupported-media-type", "The body must be application/json.")
    return decode(await _read(request, max_bytes), decoder)


def is_json(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a body is JSON, as its headers say."""
    types = [value for name, value in headers if name == b"content-type"]
    return bool(types) and types[-1].partition(b";")[0].strip().lower() == b"application/json"


async def read_optional_body(request: falcon.asgi.Request, decoder: msgspec.json.Decoder[BodyT]) -> BodyT:
    """Read a JSON body of which every field may be absent; it may be absent itself.

    Raises:
        Problem: as `read_body`.
    """
    if request.content_type is None and not await _read(request, MAX_BODY_BYTES):
        return decode(b"{}", decoder)
    return await read_body(request, decoder)


async def _read(request: falcon.asgi.Request, max_bytes: int) -> bytes:
    length = request.content_length
    if length is None:  # chunked: read one byte more than allowed to know
        body = await request.stream.read(max_bytes + 1)
        length = len(body)
    elif length <= max_bytes:
        return await request.stream.read()
    if length > max_bytes:
        raise Problem(413, "content-too-large", f"The body may have {max_bytes} bytes.")
    return body


def decode(body: bytes, decoder: msgspec.json.Decoder[BodyT]) -> BodyT:
    """Decode JSON.

    Raises:
        Problem: 400 malformed, 422 not of the decoder's shape; it names each field.
    """
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _explain(body, decoder.type, error) from None


def _explain(body: bytes, kind: Any, error: Exception) -> Problem:  # noqa: ANN401  # a struct or a union of them
    """Say all that is wrong with a body that did not decode."""
    try:
        value = json.loads(body.decode(), parse_int=_parse_int, parse_constant=_refuse_constant)
    except RecursionError:
        return Problem(400, "malformed-body", "The body is nested too deeply.")
    except ValueError as reason:
        return Problem(400, "malformed-body", f"The body is not JSON: {reason}.")
    violations = tuple(islice(violations_of(value, kind), _MAX_VIOLATIONS))
    if not violations:
        return Problem(400, "malformed-body", f"The body cannot be read: {error}.")
    return invalid_request(*violations)


def _parse_int(digits: str) -> int:
    """Python refuses thousands of digits; the first ones tell as well that the number is out of range."""
    return int(digits[:_MAX_DIGITS])


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
