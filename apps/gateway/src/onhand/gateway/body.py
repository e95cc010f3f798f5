"""Request bodies: bounded, decoded, and explained field by field when they are wrong."""

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import falcon.asgi
import msgspec
from msgspec import Struct

from onhand.gateway.problems import Problem, Violation, describe, invalid_request

MAX_BODY_BYTES = 256 * 1024
_MAX_VIOLATIONS = 20
_MAX_NAME = 100
_MAX_DIGITS = 100

StructT = TypeVar("StructT", bound=Struct)


async def read_body(request: falcon.asgi.Request, decoder: msgspec.json.Decoder[StructT]) -> StructT:
    """Read a JSON body into a struct.

    Raises:
        Problem: 413 too long, 415 not JSON, 400 malformed, 422 not of the struct's shape; the last names each field.
    """
    content_type = request.content_type or ""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "unsupported-media-type", "The body must be application/json.")
    body = await _read(request)
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _explain(body, decoder.type, error) from None


async def _read(request: falcon.asgi.Request) -> bytes:
    length = request.content_length
    if length is None:  # chunked: read one byte more than allowed to know
        body = await request.stream.read(MAX_BODY_BYTES + 1)
        length = len(body)
    elif length <= MAX_BODY_BYTES:
        return await request.stream.read()
    if length > MAX_BODY_BYTES:
        raise Problem(413, "content-too-large", f"The body may have {MAX_BODY_BYTES} bytes.")
    return body


def _explain(body: bytes, kind: type[Struct], error: Exception) -> Problem:
    """Say all that is wrong with a body that did not decode. Off the fast path, so it may be slow and thorough."""
    try:
        value = json.loads(body.decode(), parse_int=_parse_int, parse_constant=_refuse_constant)
    except RecursionError:
        return Problem(400, "malformed-body", "The body is nested too deeply.")
    except ValueError as reason:
        return Problem(400, "malformed-body", f"The body is not JSON: {reason}.")
    if not isinstance(value, dict):
        return invalid_request(Violation("must be an object", pointer=""))
    violations = tuple(_violations(value, kind))
    if not violations:
        return Problem(400, "malformed-body", f"The body cannot be read: {error}.")
    return invalid_request(*violations[:_MAX_VIOLATIONS])


def _violations(value: dict[str, Any], kind: type[Struct]) -> Iterator[Violation]:
    fields = msgspec.structs.fields(kind)
    for field in fields:
        if field.encode_name in value:
            try:
                msgspec.convert(value[field.encode_name], field.type)
            except msgspec.ValidationError as error:
                yield Violation(describe(error), pointer=f"/{field.encode_name}")
        elif field.required:
            yield Violation("is missing", pointer=f"/{field.encode_name}")
    known = {field.encode_name for field in fields}
    for name in (name for name in value if name not in known):
        printable = name[:_MAX_NAME].encode(errors="backslashreplace").decode()
        yield Violation("is not a field of this request", pointer="/" + printable.replace("~", "~0").replace("/", "~1"))


def _parse_int(digits: str) -> int:
    """Python refuses thousands of digits; the first ones tell as well that the number is out of range."""
    return int(digits[:_MAX_DIGITS])


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
