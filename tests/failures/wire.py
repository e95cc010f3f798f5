"""Just enough of two wire protocols to see where a message ends and which command a reply belongs to.

RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/) and PostgreSQL's protocol 3
(https://www.postgresql.org/docs/current/protocol-message-formats.html), both without TLS.
"""

import struct
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class NotUnderstood(Exception):
    """The bytes are not of the protocol they should be, or of a part of it that is not known here."""


class Frame(NamedTuple):
    """One whole message.

    Attributes:
        raw: its bytes as they came.
        name: the command it is, or that it answers: `XADD`, `COMMIT`; empty where there is none to name.
    """

    raw: bytes
    name: str


class Side(ABC):
    """What one side of a connection says, cut into whole messages however it was split on its way.

    Attributes:
        rest: the beginning of a message whose end has not come yet.
    """

    def __init__(self) -> None:
        self.rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take in what has come; returns the messages that are whole now.

        Raises:
            NotUnderstood: what has come is not of this protocol.
        """
        self.rest += data
        frames = []
        while length := self._length():
            raw = bytes(self.rest[:length])
            del self.rest[:length]
            frames.append(Frame(raw, self._name(raw)))
        return frames

    @abstractmethod
    def _length(self) -> int:
        """Length of the first message; 0 while it is not whole."""

    @abstractmethod
    def _name(self, raw: bytes) -> str: ...


Protocol: TypeAlias = Callable[[], tuple[Side, Side]]
"""Makes the two sides of a new connection: what the client asks, and what the server answers."""


def redis_protocol() -> tuple[Side, Side]:
    """A connection to Redis: one reply for each command, in their order, until it subscribes."""
    awaited: deque[str] = deque()
    return _RedisCommands(awaited), _RedisReplies(awaited)


def postgres_protocol() -> tuple[Side, Side]:
    """A connection to PostgreSQL, whose replies say themselves what was done."""
    questions: deque[bytes] = deque()
    return _PostgresRequests(questions), _PostgresReplies(questions)


class _Resp(Side):
    """RESP2 values. How far the first was looked through is kept: it may be long and come in many pieces."""

    def __init__(self, awaited: deque[str]) -> None:
        super().__init__()
        self._awaited = awaited
        self._begin()

    def _begin(self) -> None:
        self._at = 0
        self._missing = 1  # values still to come; each array adds its own

    def _length(self) -> int:
        while self._missing:
            end = self.rest.find(b"\r\n", self._at)
            if end < 0:
                return 0
            line, after, inner = bytes(self.rest[self._at : end]), end + 2, 0
            if line[:1] == b"*":
                inner = max(0, _number(line))
            elif line[:1] == b"$":
                after += _number(line) + 2 if _number(line) >= 0 else 0
            elif line[:1] not in {b"+", b"-", b":"}:
                raise NotUnderstood(f"no RESP2: {line[:40]!r}")
            if after > len(self.rest):
                return 0
            self._at, self._missing = after, self._missing - 1 + inner
        length = self._at
        self._begin()
        return length


class _RedisCommands(_Resp):
    def _name(self, raw: bytes) -> str:
        _, _, name, _ = raw.split(b"\r\n", 3)  # *3 $4 XADD and the rest
        self._awaited.append(name.decode().upper())
        return self._awaited[-1]


class _RedisReplies(_Resp):
    _is_subscribed = False

    def _name(self, _: bytes) -> str:
        if self._is_subscribed:  # from now on the server speaks unasked
            return ""
        name = self._awaited.popleft() if self._awaited else ""
        self._is_subscribed = name.endswith("SUBSCRIBE")
        return name


def _number(line: bytes) -> int:
    try:
        return int(line[1:])
    except ValueError:
        raise NotUnderstood(f"no RESP2: {line[:40]!r}") from None


_SSL_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST = 80877103, 80877104, 80877102


class _Postgres(Side):
    def __init__(self, questions: deque[bytes]) -> None:
        super().__init__()
        self._questions = questions  # whether to encrypt: answered by one byte that is no message

    def _length_after(self, kind: int) -> int:
        """Length of a message that has `kind` bytes before its length field, which counts itself and what follows."""
        if len(self.rest) < kind + 4:
            return 0
        (length,) = struct.unpack_from("!i", self.rest, kind)
        if length < 4:
            raise NotUnderstood(f"no message of PostgreSQL: {bytes(self.rest[:40])!r}")
        return kind + length if len(self.rest) >= kind + length else 0


class _PostgresRequests(_Postgres):
    _has_begun = False

    def _length(self) -> int:
        return self._length_after(1 if self._has_begun else 0)

    def _name(self, raw: bytes) -> str:
        if self._has_begun:
            return chr(raw[0])
        (code,) = struct.unpack_from("!i", raw, 4)
        if code in {_SSL_REQUEST, _GSS_REQUEST}:
            self._questions.append(raw)
        else:
            self._has_begun = code != _CANCEL_REQUEST
        return ""


class _PostgresReplies(_Postgres):
    def _length(self) -> int:
        return min(1, len(self.rest)) if self._questions else self._length_after(1)

    def _name(self, raw: bytes) -> str:
        if self._questions:
            self._questions.popleft()
            if raw != b"N":
                raise NotUnderstood("the server wants to encrypt: use sslmode=disable")
            return ""
        # CommandComplete: "INSERT 0 1", "COMMIT". A COMMIT that could not be says "ROLLBACK".
        return raw[5:-1].decode().partition(" ")[0] if raw[:1] == b"C" else ""
