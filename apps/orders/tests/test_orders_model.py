"""Orders against a plain model of what it promises: any message, at any time, again, late, lost, in any company."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from msgspec import UNSET
from msgspec.structs import replace

from apps.orders.tests.desk import Lines, create, created, fulfil, granting, handle, rejecting, take_back
from apps.orders.tests.model import Model
from onhand.common.contracts import (
    BackorderPromised,
    CancelOrder,
    CreateOrder,
    FulfilOrder,
    GetOrder,
    LinePromise,
    Message,
    OrderDetails,
    OrderReceipt,
    Reply,
    RequestRefused,
    ReturnOrder,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.contracts.orders import OrderStatus, Policy
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Answer, Publish, Received
from onhand.common.testing import BlockingDatabase, received
from onhand.orders.domain.settling import says_it_all
from onhand.orders.handlers.asking import ask_again
from onhand.orders.subscriptions import SUBSCRIPTIONS

MINUTE = 60  # how long an order waits until it is asked for again: much longer than any step takes
MAY, JUNE = datetime(2027, 5, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
BASKETS = st.dictionaries(st.sampled_from(["apple", "pear"]), st.integers(1, 3), min_size=1)
CHANGE_IDS = [UUID(int=1), UUID(int=2)]  # that are used for more than one thing
LATER: dict[OrderStatus, set[OrderStatus]] = {
    "pending": {"pending", "confirmed", "backordered", "rejected", "cancelled"},
    "backordered": {"backordered", "confirmed", "cancelled"},
    "confirmed": {"confirmed", "cancelled"},
    "rejected": {"rejected"},
    "cancelled": {"cancelled"},
}


class Sale(NamedTuple):
    """An order, and what Inventory gives it: in all, each time that it gives something; nothing if it rejects it."""

    command: CreateOrder
    basket: Lines
    given: Sequence[Lines]


class Asked(NamedTuple):
    """How often an order was asked for, and how many seconds ago."""

    times: int = 1
    seconds: int = 0

    def later(self, seconds: int) -> "Asked":
        return Asked(self.times, self.seconds + seconds)

    @property
    def is_due(self) -> bool:
        return not -MINUTE <= self.seconds < MINUTE * 2 ** min(self.times - 1, 5)


@st.composite
def new_sales(draw: st.DrawFn) -> Sale:
    basket, policy = draw(BASKETS), draw(st.sampled_from(["backorder", *get_args(Policy)]))
    key = draw(st.sampled_from([{}, {}, {}, {"idempotency_key": "k"}]))
    given: list[Lines] = [{product_id: draw(st.integers(0, quantity)) for product_id, quantity in basket.items()}]
    for _ in range(draw(st.integers(0, 3)) if policy == "backorder" else 0):
        more = {product_id: draw(st.integers(0, quantity)) for product_id, quantity in basket.items()}
        given.append({product_id: max(more[product_id], units) for product_id, units in given[-1].items()})
    is_rejected = policy != "backorder" and not any(given[0].values())
    if policy == "all-or-nothing":
        given = [basket]
    return Sale(create(basket, policy=policy, **key), basket, [] if is_rejected else given)


def another(sale: Sale) -> Sale:
    """The same again with another id: a retry, if it has a key."""
    return sale._replace(command=replace(sale.command, order_id=uuid4()))


def answers_of(sale: Sale) -> st.SearchStrategy[Message]:
    """What Inventory tells of an order: the decision, and what is found later; with other revisions, dates."""
    order_id = sale.command.order_id
    dates = st.builds(
        lambda number, at: BackorderPromised(
            order_id, tuple(LinePromise(product_id, at) for product_id in sale.basket), 2 * number + 1
        ),
        st.integers(0, 3),
        st.sampled_from([MAY, JUNE, UNSET]),
    )
    if not sale.given:
        return st.just(rejecting(order_id, sale.basket))
    numbers = st.integers(0, len(sale.given) - 1)
    return numbers.map(partial(_answer, sale)) | dates


def _answer(sale: Sale, number: int) -> StockReserved:
    if sale.given[number] == sale.basket and not number:
        return StockReserved(sale.command.order_id)
    waits = sale.command.policy == "backorder"
    return granting(sale.command.order_id, sale.basket, sale.given[number], 2 * number, waits=waits)


def parts_of(basket: Lines) -> st.SearchStrategy[Lines | None]:
    """Some units of an order, as it has them; all that can be meant; or whatever comes to mind."""
    some = st.fixed_dictionaries({product_id: st.integers(0, quantity) for product_id, quantity in basket.items()})
    return st.one_of(
        some.map(lambda units: {product_id: it for product_id, it in units.items() if it} or None), st.none(), BASKETS
    )


def changes_of(sale: Sale) -> st.SearchStrategy[Message]:
    order_id, ids = sale.command.order_id, st.builds(uuid4) | st.sampled_from(CHANGE_IDS)
    return st.one_of(
        st.builds(partial(fulfil, order_id), parts_of(sale.basket), ids),
        st.builds(partial(take_back, order_id), parts_of(sale.basket), ids),
    )


@st.composite
def lives(draw: st.DrawFn) -> list[Message | int]:
    """Much that happens to one order, most of it after it was placed and decided.

    A number is a message that comes again; below 0, Inventory's answer to what follows from it.
    """
    sale = draw(new_sales())
    moves = st.one_of(answers_of(sale), changes_of(sale), changes_of(sale), st.integers(-9, 9))
    life = draw(st.lists(moves, min_size=6, max_size=12))
    life.insert(draw(st.sampled_from([0, 0, 1, 3])), _answer(sale, 0) if sale.given else draw(answers_of(sale)))
    life.insert(draw(st.sampled_from([0, 0, 0, 1])), sale.command)
    return life + draw(st.sampled_from([[], [], [], [CancelOrder(sale.command.order_id)]]))


def sent_again(earlier: Received[Any]) -> Message:
    """In another envelope, as by a client that got no answer."""
    message: Message = earlier.message
    return message


def done_by_inventory(earlier: Received[Any]) -> Message:
    """Inventory's answer to what follows from a change; any other message comes again."""
    match earlier.message:
        case CancelOrder(order_id=order_id):
            return StockReleased(order_id)
        case FulfilOrder(order_id=order_id, fulfilment_id=change_id):
            return StockShipped(order_id, change_id)
        case ReturnOrder(order_id=order_id, return_id=change_id):
            return StockReturned(order_id, change_id)
        case _:
            return sent_again(earlier)


class OrdersMachine(RuleBasedStateMachine):
    sales = Bundle("sales")
    messages = Bundle("messages")
    anything = st.one_of(
        sales.flatmap(answers_of),
        sales.flatmap(changes_of),
        sales.map(lambda sale: sale.command),
        sales.map(lambda sale: CancelOrder(sale.command.order_id)),
        messages,
        messages.map(sent_again),
        messages.map(done_by_inventory),
    )

    def __init__(self, database: BlockingDatabase) -> None:
        super().__init__()
        self.database = database
        self.model = Model()
        self.statuses: dict[UUID, OrderStatus] = {}
        self.asked: dict[UUID, Asked] = {}
        database.run(lambda tx: tx.execute(EMPTY))

    @initialize(target=sales, sale=new_sales())
    def a_customer_has_a_wish(self, sale: Sale) -> Sale:
        return sale

    @initialize(target=messages, sale=new_sales())
    def a_customer_has_ordered(self, sale: Sale) -> MultipleResults[Received[Any]]:
        return self.a_batch_arrives([sale.command])

    @rule(target=sales, sale=new_sales() | sales.map(another), arrives=st.booleans())
    def a_customer_orders(self, sale: Sale, *, arrives: bool) -> Sale:
        if arrives:
            self.a_batch_arrives([sale.command])
        return sale

    @rule(target=messages, given=st.lists(anything, min_size=1, max_size=5))
    def a_batch_arrives(self, given: Sequence[Message | Received[Any]]) -> MultipleResults[Received[Any]]:
        batch = [each if isinstance(each, Received) else received(each) for each in given]
        expected = [(each, self.model.take(each)) for each in sorted(batch, key=place_in_batch)]
        effects = self.database.run(partial(handle, batch))
        assert Counter(effect.event for effect in effects if isinstance(effect, Publish)) == Counter(
            event for _, (events, _) in expected for event in events
        )
        replies = [(effect.to, word_of(effect.reply)) for effect in effects if isinstance(effect, Answer)]
        assert replies == [(each, reply) for each, (_, reply) in expected if reply is not None]
        return multiple(*batch)

    @rule(target=messages, life=lives())
    def an_order_has_a_life(self, life: list[Message | int]) -> MultipleResults[Received[Any]]:
        """Each message alone: so an order gets further than it would by chance."""
        told: list[Received[Any]] = []
        for each in life:
            if not isinstance(each, int):
                told.append(received(each))
                self.a_batch_arrives(told[-1:])
            elif told:
                earlier = told[each % len(told)]
                self.a_batch_arrives([earlier if each >= 0 else done_by_inventory(earlier)])
            self.counters_add_up_and_no_status_goes_back()
        return multiple(*told)

    @rule(minutes=st.sampled_from([0, 1, 2, 4, 8, 16, 32, -2]))  # below 0: the clock is set back
    def orders_asks_again_after(self, minutes: int) -> None:
        pending = {order_id: order for order_id, order in self.model.orders.items() if order.status == "pending"}
        self.asked = {order_id: self.asked.get(order_id, Asked()).later(minutes * MINUTE) for order_id in pending}
        sql = "UPDATE asked_orders SET asked_at = asked_at - make_interval(mins => $1)"
        self.database.run(lambda tx: tx.execute(sql, minutes))
        due = [order_id for order_id, asked in self.asked.items() if asked.is_due]
        published = self.database.run(partial(ask_again, MINUTE))
        assert Counter(publish.event for publish in published) == Counter(
            created(pending[order_id].command) for order_id in due
        )
        self.asked |= {order_id: Asked(self.asked[order_id].times + 1) for order_id in due}

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        told, logs, facts = self.database.run(partial(stored, list(self.model.orders)))
        assert facts == self.model.facts
        assert logs == {order_id: order.log for order_id, order in self.model.orders.items()}
        for order_id, order in self.model.orders.items():
            assert told[order_id].status == order.status
            assert [
                (it.ordered, it.reserved, it.backordered, it.fulfilled, it.returned, it.cancelled, it.promised_at)
                for it in told[order_id].lines
            ] == [astuple(line) for line in order.lines.values()]

    @invariant()
    def counters_add_up_and_no_status_goes_back(self) -> None:
        told, _, _ = self.database.run(partial(stored, list(self.model.orders)))
        for order_id, order in told.items():
            assert order.status in LATER[self.statuses.get(order_id, "pending")]
            self.statuses[order_id] = order.status
            for line in order.lines:
                accounted = line.reserved + line.backordered + line.fulfilled + line.cancelled
                assert accounted == (0 if order.status == "pending" else line.ordered)
                assert line.returned <= line.fulfilled
            assert (order.status == "backordered") == any(line.backordered for line in order.lines)


def place_in_batch(each: Received[Any]) -> tuple[int, bool]:
    """In which order the messages of a batch are handled, but for those that are alike in this."""
    kinds = [subscription.message for subscription in SUBSCRIPTIONS]
    return kinds.index(type(each.message)), isinstance(each.message, StockReserved) and not says_it_all(each.message)


def word_of(reply: Reply) -> str:
    """A reply in the words of the model."""
    match reply:
        case OrderReceipt(status=status):
            return status
        case RequestRefused(code=code):
            return code
        case _:
            return "done"


async def stored(
    order_ids: list[UUID], tx: Transaction
) -> tuple[dict[UUID, OrderDetails], dict[UUID, list[str]], set[str]]:
    """Orders as they are told, the types in their logs in the order of versions without a gap, and unanswered facts."""
    details = {}
    for effect in await handle([received(GetOrder(order_id)) for order_id in order_ids], tx):
        assert isinstance(effect, Answer)
        assert isinstance(effect.reply, OrderDetails)
        details[effect.reply.order_id] = effect.reply
    logs: dict[UUID, list[str]] = {}
    for order_id, version, kind in await tx.fetch(LOG):
        log = logs.setdefault(order_id, [])
        log.append(kind)
        assert version == len(log)
    return details, logs, {row["fact"] for row in await tx.fetch("SELECT fact FROM unanswered_events")}


EMPTY = """
    DELETE FROM orders; DELETE FROM asked_orders; DELETE FROM order_events; DELETE FROM order_changes;
    DELETE FROM unanswered_events
"""
LOG = "SELECT order_id, version, split_part(type, '.', 2) FROM order_events ORDER BY order_id, version"


@pytest.mark.timeout(600)  # a failure is made as small as can be before it is told
def test_orders_does_what_its_model_does(orders_database: Database, loop: asyncio.AbstractEventLoop) -> None:
    run_state_machine_as_test(
        lambda: OrdersMachine(BlockingDatabase(orders_database, loop))  # type: ignore[arg-type]  # a function will do
    )
