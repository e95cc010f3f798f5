"""What a number of listeners want to hear of, in one question, and who gets what of the answer."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from msgspec import UNSET, UnsetType

from onhand.common.contracts import ReadFeed
from onhand.common.contracts.feed import MOST_WANTED
from onhand.gateway.live.feed import Interest, Page, Place, Told, place_of
from onhand.gateway.live.listener import Listener

_EVERYTHING = Interest()


class Wanted:
    """What listeners want, at one moment.

    Args:
        listeners: at least one.
    """

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners: dict[Interest, list[Listener]] = {}
        for listener in listeners:
            self._listeners.setdefault(listener.interest, []).append(listener)
        self._orders: dict[str, Interest] = {str(it.order_id): it for it in self._listeners if it.order_id is not None}
        self._customers = {it.customer_id: it for it in self._listeners if it.customer_id is not None}
        self._order_ids, self._customer_ids = self._names()

    def query(self, after: str | None = None) -> ReadFeed:
        """The question for all that they have not been told, or for what comes after a position."""
        after = after or min(self._all(), key=lambda listener: listener.place).position
        return ReadFeed(after=after, order_ids=self._order_ids, customer_ids=self._customer_ids)

    def give_out(self, page: Page) -> Iterator[int]:
        """Offer each what it wants of a page and has not been told, one after the other.

        All that want the same are given the same bytes, which nobody copies down to their sockets.

        Yields:
            How many bytes it was, each time.
        """
        found: dict[Interest, list[Told]] = {}
        for told in page.entries:
            for interest in self._interested(told):
                found.setdefault(interest, []).append(told)
        for interest, entries in found.items():
            whole, first = b"".join([told.event for told in entries]), place_of(entries[0].position)
            for listener in self._listeners[interest]:
                if events := whole if listener.place < first else _later(entries, listener.place):
                    listener.offer(events)
                    yield len(events)
        place = place_of(page.next)
        for listener in self._all():
            listener.advance(page.next, place)

    def end_beyond(self, end: str) -> None:
        """Let those end who are further than the feed: an older state was put back, and they would hear nothing."""
        place = place_of(end)
        for listener in self._all():
            if listener.place > place:
                listener.close()

    def _interested(self, told: Told) -> Iterator[Interest]:
        if _EVERYTHING in self._listeners:
            yield _EVERYTHING
        if (of_order := self._orders.get(told.order_id)) is not None:
            yield of_order
        if (of_customer := self._customers.get(told.customer_id)) is not None:
            yield of_customer

    def _names(self) -> tuple[tuple[UUID, ...] | UnsetType, tuple[str, ...] | UnsetType]:
        orders = tuple(it.order_id for it in self._listeners if it.order_id is not None)
        customers = tuple(self._customers)
        if _EVERYTHING in self._listeners or max(len(orders), len(customers)) > MOST_WANTED:
            return UNSET, UNSET
        return orders, customers

    def _all(self) -> Iterator[Listener]:
        for listeners in self._listeners.values():
            yield from listeners


def _later(entries: Iterable[Told], place: Place) -> bytes:
    return b"".join([told.event for told in entries if place_of(told.position) > place])
