"""Who wants it, and under which key it may be sent again."""

import falcon.asgi
import falcon.testing
import pytest
from msgspec import UNSET

from onhand.gateway.headers import Headers, read_headers
from onhand.gateway.problems import Problem

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def read(*headers: tuple[bytes, bytes]) -> Headers:
    scope = falcon.testing.create_scope() | {"headers": list(headers)}
    return read_headers(falcon.asgi.Request(scope, falcon.testing.ASGIRequestEventEmitter().emit))


def refusal(*headers: tuple[bytes, bytes]) -> str:
    with pytest.raises(Problem) as raised:
        read(*headers)
    assert raised.value.details.status == 400
    assert raised.value.details.type == "urn:onhand:problem:malformed-header"
    return raised.value.details.detail


def test_a_request_may_say_nothing() -> None:
    assert read((b"host", b"onhand"), (b"accept", b"*/*")) == Headers(UNSET, UNSET, UNSET)


def test_all_that_goes_along_is_read() -> None:
    given = read((b"traceparent", TRACE.encode()), (b"x-actor", b"anna"), (b"idempotency-key", b'"1"'))
    assert given == Headers(TRACE, "anna", "1")


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (b'"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        (b"8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        (b'"with a space, a comma; and \\"quotes\\" and \\\\"', 'with a space, a comma; and "quotes" and \\'),
        (b"a+b/c==", "a+b/c=="),
        (b"x" * 255, "x" * 255),
        (b'"' + b'\\"' * 255 + b'"', '"' * 255),
    ],
)
def test_a_key_is_a_string_in_quotes_or_a_bare_word(value: bytes, key: str) -> None:
    assert read((b"idempotency-key", value)).key == key


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b'""',
        b'"',
        b'"open',
        b'open"',
        b'"a"b"',
        b'"a\\b"',
        b'"a" "b"',
        b'"a", "b"',
        b'"a";q=1',
        b"a,b",
        b"a b",
        b"a;b",
        b"a\\b",
        b"a\tb",
        b'"a\tb"',
        b"\xc3\xa9",
        b'"\xc3\xa9"',
        b"\x7f",
        b"x" * 256,
        b'"' + b"x" * 256 + b'"',
    ],
)
def test_a_key_that_is_neither_is_malformed(value: bytes) -> None:
    assert refusal((b"idempotency-key", value)).startswith("The header Idempotency-Key must ")


@pytest.mark.parametrize(
    ("value", "actor"),
    [(b"anna", "anna"), (b"Anna O'Neil <a@b.c>", "Anna O'Neil <a@b.c>"), ("Zoë 日本".encode(), "Zoë 日本")],
)
def test_an_actor_is_any_printable_text(value: bytes, actor: str) -> None:
    assert read((b"x-actor", value)).actor == actor


@pytest.mark.parametrize(
    "value", [b"", b"a\tb", b"\x1b[31m", b"\xff", "\u2028".encode(), b"x" * 129, "é".encode() * 129]
)
def test_an_actor_that_nobody_could_print_is_malformed(value: bytes) -> None:
    assert refusal((b"x-actor", value)).startswith("The header X-Actor must ")


@pytest.mark.parametrize("name", [b"x-actor", b"idempotency-key"])
def test_a_header_that_comes_twice_is_malformed(name: bytes) -> None:
    assert refusal((name, b"a"), (name, b"a")).endswith(" comes more than once.")


@pytest.mark.parametrize(
    "trace", ["", "nonsense", TRACE.upper(), "ff" + TRACE[2:], TRACE + "-", "00-" + "0" * 32 + TRACE[35:]]
)
def test_a_trace_that_is_none_is_ignored(trace: str) -> None:
    assert read((b"traceparent", trace.encode())).traceparent is UNSET


def test_the_same_key_makes_the_same_id_for_the_same_thing_and_no_other() -> None:
    one, other = Headers(key="1"), Headers(key="2")
    assert one.new_id("movements", "tea") == one.new_id("movements", "tea")
    ids = {
        one.new_id("movements", "tea"),
        other.new_id("movements", "tea"),
        one.new_id("movements", "jam"),
        one.new_id("incoming", "tea"),
    }
    assert len(ids) == 4


def test_the_id_that_a_key_makes_never_changes() -> None:
    assert str(Headers(key="1").new_id("movements", "tea")) == "624e2063-0b56-518d-9616-390e64907078"


def test_without_a_key_every_id_is_new_and_of_its_time() -> None:
    first, second = Headers().new_id("movements", "tea"), Headers().new_id("movements", "tea")
    assert first < second
    assert first.version == 7
