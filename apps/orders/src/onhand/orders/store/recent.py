"""What this process has lately written into the event log, so that a feed that is read on and on need not be read back.

It is no more than a shortcut: what there is in a turn is asked of the log, and what does not agree with it is not used.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from sys import getsizeof
from typing import NamedTuple
from uuid import UUID

import msgspec

from onhand.orders.store.log import Columns

MOST_BYTES = 24 * 1024 * 1024
"""Of entries that are kept, about: of usual ones what full load writes in more than a second, and a gateway asks every
tenth of one."""
_ENTRY_BYTES = 600
"""Of an entry, besides what it says."""
READ_SECONDS = 1.0
"""For so long after a page it is taken that another will be asked for. Nothing is kept for nobody."""

Row = tuple[str, int, str, str, str, str, str, str | None, datetime, UUID]
"""Order as text, version, customer, type, data, id of the cause, its source, who wanted it, when, order."""


class Written(NamedTuple):
    """Entries that one statement wrote in the turn of its transaction, column by column."""

    recorded_at: datetime
    order_ids: Sequence[UUID]
    versions: Sequence[int]
    customer_ids: Sequence[str]
    log: Columns

    @property
    def size(self) -> int:
        """About how many bytes these are."""
        return sum(map(getsizeof, self.log.data)) + len(self.order_ids) * _ENTRY_BYTES

    def rows(self) -> Iterator[Row]:
        """The entries one by one."""
        order_ids, log, at = self.order_ids, self.log, [self.recorded_at] * len(self.order_ids)
        names: list[str] = msgspec.to_builtins(order_ids)  # in a sixth of the time that `str` takes
        columns = names, self.versions, self.customer_ids, log.types, log.data, log.caused_by, log.sources, log.actors
        return zip(*columns, at, order_ids, strict=True)


class Recent:
    """Turns of the feed that this process wrote, the latest of them.

    They are kept as they were written, committed or not: only the log says whether there is such a turn.
    """

    def __init__(self) -> None:
        self._turns: dict[int, list[Written]] = {}
        self._bytes = 0
        self._read_until = 0.0

    @property
    def is_read(self) -> bool:
        """Whether the feed is being read, so that it is worth remembering what is written."""
        return time.monotonic() < self._read_until

    def note_read(self) -> None:
        """Note that a page of the feed was asked for."""
        self._read_until = time.monotonic() + READ_SECONDS

    def reaches(self, turn: int) -> bool:
        """Whether what came last is of this turn or of a later one, so that it is worth asking the log."""
        return bool(self._turns) and turn <= next(reversed(self._turns))

    def remember(self, turn: int, written: Written) -> None:
        """Keep what a statement wrote: all of it, and only if all of it is in the turn of its own transaction."""
        self._turns.setdefault(turn, []).append(written)
        self._bytes += written.size
        while self._bytes > MOST_BYTES:
            oldest = next(iter(self._turns))
            self._bytes -= sum(it.size for it in self._turns.pop(oldest))

    def find(self, turn: int, count: int, first_at: datetime, last_at: datetime) -> list[Written] | None:
        """What was written in a turn, if it is all that the log has.

        Whatever is kept of a transaction that was committed is in the log. So if the log has no more than that in its
        turn, nobody has put anything else there: another statement, or a transaction of before that changed one of its
        orders later. The times tell that it is the same transaction, and not one of an older state of the database that
        was put back, where numbers come again.

        Args:
            turn: which.
            count: how many entries the log has in it.
            first_at: when the first of them was written.
            last_at: when the last.
        """
        kept = self._turns.get(turn, [])
        if sum(len(it.order_ids) for it in kept) != count:
            return None
        times = [it.recorded_at for it in kept]
        return kept if (min(times), max(times)) == (first_at, last_at) else None


RECENT = Recent()
"""Of this process."""
