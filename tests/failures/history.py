"""The recorded history: every request of every client and what came of it, one JSON object a line."""

from pathlib import Path

import msgspec
from msgspec import Struct

NO_ANSWER = 0

Lines = tuple[tuple[str, int], ...]
"""Products and units of each."""


class Exchange(Struct, frozen=True, tag_field="kind", omit_defaults=True):
    """One request and its answer.

    Attributes:
        client: who asked. A client does one thing after the other.
        asked_at: seconds on the monotonic clock of the machine, before anything was sent.
        answered_at: when the answer was there, or hope was lost.
        answer: HTTP status, or `NO_ANSWER`.
        error: why there is no answer.
        was_sent: False if it is certain that nothing of the request left the client.
        says_when: whether the answer has a Retry-After, as those have to that say to come again.
    """

    client: str
    asked_at: float
    answered_at: float
    answer: int
    error: str = ""
    was_sent: bool = True
    says_when: bool = False

    @property
    def is_done(self) -> bool:
        """It has to be on disk, with its effect."""
        return 200 <= self.answer < 300  # what HTTP calls success

    @property
    def is_refused(self) -> bool:
        """Nothing was done: nobody was there, or the answer was 503 or that it may not be, which promises just that."""
        return self.answer == 503 or 400 <= self.answer < 500 or not self.was_sent  # as above

    @property
    def is_unknown(self) -> bool:
        """It may have been done, or not."""
        return self.answer == 504 or (self.answer == NO_ANSWER and self.was_sent)


class Purchase(Exchange, frozen=True, tag="purchase", omit_defaults=True, kw_only=True):
    """An order that was placed.

    Attributes:
        customer: the customer's id in the order. No two purchases have the same, which makes it the key by which the
            order is found on disk even if nobody told the client its id.
        key: its idempotency key. Only with one it is sent again, and then it is the same purchase.
        order_id, status: as the answer told; empty if it did not.
    """

    customer: str
    lines: Lines
    policy: str = "all-or-nothing"
    key: str = ""
    order_id: str = ""
    status: str = ""


class Look(Exchange, frozen=True, tag="look", omit_defaults=True, kw_only=True):
    """An order that was looked up. `status` and `fulfilment` are empty if the answer told none."""

    order_id: str
    status: str = ""
    fulfilment: str = ""


class Deed(Exchange, frozen=True, tag="deed", omit_defaults=True, kw_only=True):
    """Something else that was asked for.

    Attributes:
        verb: what is to be done, as in `errands.py`.
        subject: id of the order, hold or product to which it is done; empty if it is only made by it.
        key: its idempotency key, and the reference under which its effect is found on disk. No other deed has the
            same; sent again with it, it is the same deed.
        told_id: id of the order or hold that the answer tells of.
        status, fulfilment: of that, as it tells; empty if it does not.
    """

    verb: str
    subject: str
    key: str
    told_id: str = ""
    status: str = ""
    fulfilment: str = ""


Record = Purchase | Look | Deed


class History:
    """Writes records to a new file, each as soon as it is complete."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._encode = msgspec.json.Encoder().encode

    def add(self, record: Record) -> None:
        """Write a record down."""
        self._file.write(self._encode(record) + b"\n")

    def read(self) -> list[Record]:
        """Read everything that was written down."""
        decode = msgspec.json.Decoder(Record).decode
        return [decode(line) for line in self._path.read_bytes().splitlines()]

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()
