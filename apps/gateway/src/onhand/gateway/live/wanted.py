"""What a number of listeners want to hear of, in one question, and who gets what of the answer."""

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from msgspec import UNSET, UnsetType

from onhand.common.contracts import ReadFeed
from onhand.common.contracts.feed import MOST_WANTED
from onhand.gateway.live.feed import Page, Place, Told, place_of
from onhand.gateway.live.listener import Listener


class Wanted:
    """What listeners want, at one moment.

    Args:
        listeners: at least one, if anything is to be asked.
    """

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners = frozenset(listeners)
        self._of_all: list[Listener] = []
        self._of_orders: dict[str, list[Listener]] = {}
        self._of_customers: dict[str, list[Listener]] = {}
        for listener in self._listeners:
            order_id, customer_id = listener.interest
            if order_id is not None:
                self._of_orders.setdefault(str(order_id), []).append(listener)
            elif customer_id is not None:
                self._of_customers.setdefault(customer_id, []).append(listener)
            else:
                self._of_all.append(listener)
        self._order_ids, self._customer_ids = self._names()

    def __contains__(self, listener: Listener) -> bool:
        return listener in self._listeners

    def query(self, after: str | None = None) -> ReadFeed:
        """The question for all that they have not been told, or for what comes after a position."""
        after = after or min(self._listeners, key=lambda listener: listener.place).position
        return ReadFeed(after=after, order_ids=self._order_ids, customer_ids=self._customer_ids)

    def give_out(self, page: Page) -> Iterator[int]:
        """Offer each what it wants of a page and has not been told, one after the other.

        All that want the same are given the same bytes, which nobody copies down to their sockets.

        Yields:
            How many bytes it was, each time.
        """
        for listeners, entries in self._found(page.entries):
            whole, first = b"".join([told.event for told in entries]), place_of(entries[0].position)
            for listener in listeners:
                if events := whole if listener.place < first else _later(entries, listener.place):
                    listener.offer(events)
                    yield len(events)
        place = place_of(page.next)
        for listener in self._listeners:
            listener.advance(page.next, place)

    def end_beyond(self, end: str) -> None:
        """Let those end who are further than the feed: an older state was put back, and they would hear nothing."""
        place = place_of(end)
        for listener in self._listeners:
            if listener.place > place:
                listener.close()

    def _found(self, entries: Sequence[Told]) -> Iterator[tuple[list[Listener], Sequence[Told]]]:
        """Who wants some of the entries, and which."""
        of_orders: dict[str, list[Told]] = {}
        of_customers: dict[str, list[Told]] = {}
        for told in entries:
            if told.order_id in self._of_orders:
                of_orders.setdefault(told.order_id, []).append(told)
            if told.customer_id in self._of_customers:
                of_customers.setdefault(told.customer_id, []).append(told)
        if entries and self._of_all:
            yield self._of_all, entries
        for order_id, its in of_orders.items():
            yield self._of_orders[order_id], its
        for customer_id, its in of_customers.items():
            yield self._of_customers[customer_id], its

    def _names(self) -> tuple[tuple[UUID, ...] | UnsetType, tuple[str, ...] | UnsetType]:
        if self._of_all or max(len(self._of_orders), len(self._of_customers)) > MOST_WANTED:
            return UNSET, UNSET
        return tuple(map(UUID, self._of_orders)), tuple(self._of_customers)


def _later(entries: Iterable[Told], place: Place) -> bytes:
    return b"".join([told.event for told in entries if place_of(told.position) > place])
