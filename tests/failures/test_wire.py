import struct
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.failures.wire import Frame, NotUnderstood, Side, postgres_protocol, redis_protocol

Words = tuple[bytes, ...]


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(value), value)


def array(values: Sequence[bytes]) -> bytes:
    return b"*%d\r\n%s" % (len(values), b"".join(values))


def command(words: Words) -> bytes:
    return array([bulk(word) for word in words])


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", 4 + len(body)) + body


commands = st.tuples(st.sampled_from([b"XADD", b"eval", b"XREADGROUP", b"PING"]), st.binary(), st.binary())
simple = st.sampled_from([b"+OK\r\n", b"-ERR no\r\n", b":42\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b"$0\r\n\r\n"])
replies = st.recursive(simple | st.binary().map(bulk), lambda inner: st.lists(inner, max_size=4).map(array))
tags = st.sampled_from([b"COMMIT", b"ROLLBACK", b"INSERT 0 1", b"SELECT 3"])
completions = tags.map(lambda tag: message(b"C", tag + b"\0"))
rows = st.binary().map(lambda row: message(b"D", row))


def feed_in_pieces(side: Side, data: bytes, cuts: Sequence[int]) -> list[Frame]:
    """Feed data that was cut at these places on its way; everything has to come out again, in whole messages."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    frames = [frame for start, end in pairwise(places) for frame in side.feed(data[start:end])]
    assert b"".join(frame.raw for frame in frames) + side.rest == data
    return frames


@given(st.lists(st.tuples(commands, replies)), st.lists(st.integers(0, 999)), st.lists(st.integers(0, 999)))
def test_each_reply_of_redis_is_known_by_its_command_wherever_the_bytes_were_split(
    exchange: list[tuple[Words, bytes]], cuts: list[int], other_cuts: list[int]
) -> None:
    requests, answers = redis_protocol()
    asked = feed_in_pieces(requests, b"".join(command(words) for words, _ in exchange), cuts)
    answered = feed_in_pieces(answers, b"".join(reply for _, reply in exchange), other_cuts)
    names = [words[0].decode().upper() for words, _ in exchange]
    assert asked == [Frame(command(words), name) for (words, _), name in zip(exchange, names, strict=True)]
    assert answered == [Frame(reply, name) for (_, reply), name in zip(exchange, names, strict=True)]


def test_what_comes_after_a_subscription_answers_nothing() -> None:
    requests, answers = redis_protocol()
    requests.feed(command((b"PING",)) + command((b"SUBSCRIBE", b"here")) + command((b"PING",)))
    replies = [
        b"+PONG\r\n",
        array([bulk(b"subscribe"), bulk(b"here"), b":1\r\n"]),
        array([bulk(b"message")]),
        b"+PONG\r\n",
    ]
    assert [frame.name for frame in answers.feed(b"".join(replies))] == ["PING", "SUBSCRIBE", "", ""]


@given(st.lists(completions | rows), st.lists(st.integers(0, 999)))
def test_each_reply_of_postgres_is_known_by_its_tag_wherever_the_bytes_were_split(
    messages: list[bytes], cuts: list[int]
) -> None:
    _, answers = postgres_protocol()
    frames = feed_in_pieces(answers, b"".join(messages), cuts)
    assert [frame.raw for frame in frames] == messages
    for frame in frames:
        assert frame.name == (frame.raw[5:-1].decode().split()[0] if frame.raw[:1] == b"C" else "")


@given(st.lists(st.integers(0, 999)))
def test_the_first_message_to_postgres_has_no_kind_and_the_question_about_tls_is_answered_by_one_byte(
    cuts: list[int],
) -> None:
    requests, answers = postgres_protocol()
    ask_for_tls = struct.pack("!ii", 8, 80877103)
    begin = message(b"", struct.pack("!i", 196608) + b"user\0postgres\0\0")
    query = message(b"Q", b"COMMIT\0")
    assert [frame.raw for frame in feed_in_pieces(requests, ask_for_tls + begin + query, cuts)] == [
        ask_for_tls,
        begin,
        query,
    ]
    authenticated = message(b"R", struct.pack("!i", 0))
    done = message(b"C", b"COMMIT\0")
    assert feed_in_pieces(answers, b"N" + authenticated + done, cuts) == [
        Frame(b"N", ""),
        Frame(authenticated, ""),
        Frame(done, "COMMIT"),
    ]


def test_a_server_that_would_encrypt_is_not_understood() -> None:
    requests, answers = postgres_protocol()
    requests.feed(struct.pack("!ii", 8, 80877103))
    with pytest.raises(NotUnderstood, match="sslmode=disable"):
        answers.feed(b"S")


@pytest.mark.parametrize("data", [b"PING\r\n", b"*x\r\n", b"$\r\n", b"GET / HTTP/1.1\r\n"])
def test_what_is_no_resp_is_not_taken_for_it(data: bytes) -> None:
    requests, _ = redis_protocol()
    with pytest.raises(NotUnderstood):
        requests.feed(data)


def test_what_is_no_message_of_postgres_is_not_taken_for_it() -> None:
    _, answers = postgres_protocol()
    with pytest.raises(NotUnderstood):
        answers.feed(b"C\0\0\0\1")
