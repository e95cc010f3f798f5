from collections import Counter
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from onhand.common.contracts import OrderCreated, RequestRefused, SetStock, StockRejected, StockReserved
from onhand.inventory.domain import Level, decide, set_on_hand


def order(product_id: str = "apple", quantity: int = 1) -> OrderCreated:
    return OrderCreated(order_id=uuid4(), customer_id="ann", product_id=product_id, quantity=quantity)


def test_an_order_gets_all_of_its_units() -> None:
    wanted = order(quantity=3)
    decisions, changed = decide([wanted], {"apple": Level(on_hand=5, reserved=1)})
    assert decisions[0].answer == StockReserved(order_id=wanted.order_id)
    assert changed == {"apple": Level(on_hand=5, reserved=4)}


def test_an_order_for_more_than_is_available_gets_nothing_and_learns_how_much_there_was() -> None:
    wanted = order(quantity=5)
    decisions, changed = decide([wanted], {"apple": Level(on_hand=5, reserved=1)})
    assert decisions[0].answer == StockRejected(
        order_id=wanted.order_id, reason="insufficient-stock", requested=5, available=4
    )
    assert changed == {}


def test_an_order_for_a_product_nobody_knows_is_rejected_for_that_reason() -> None:
    wanted = order(product_id="unicorn")
    decisions, _ = decide([wanted], {})
    assert decisions[0].answer == StockRejected(
        order_id=wanted.order_id, reason="unknown-product", requested=1, available=0
    )


def test_orders_of_one_batch_are_decided_in_the_order_they_came() -> None:
    batch = [order(quantity=2), order(quantity=2), order(quantity=1)]
    decisions, changed = decide(batch, {"apple": Level(on_hand=3, reserved=0)})
    assert [isinstance(decision.answer, StockReserved) for decision in decisions] == [True, False, True]
    assert changed == {"apple": Level(on_hand=3, reserved=3)}


@given(
    on_hand=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 50)),
    wanted=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 20)), max_size=60),
)
def test_no_batch_ever_reserves_more_than_is_on_hand(on_hand: dict[str, int], wanted: list[tuple[str, int]]) -> None:
    levels = {product_id: Level(units, 0) for product_id, units in on_hand.items()}
    decisions, changed = decide([order(product_id, quantity) for product_id, quantity in wanted], levels)
    sold = Counter[str]()
    for decision in decisions:
        if isinstance(decision.answer, StockReserved):
            sold[decision.order.product_id] += decision.order.quantity
    assert len(decisions) == len(wanted)
    for product_id, level in (levels | changed).items():
        assert 0 <= level.reserved <= level.on_hand
        assert level.reserved == sold[product_id]


def test_on_hand_can_be_set_down_to_what_is_reserved() -> None:
    assert set_on_hand(SetStock(product_id="apple", on_hand=2), Level(on_hand=9, reserved=2)) == Level(2, 2)


def test_on_hand_cannot_be_set_below_what_is_reserved() -> None:
    outcome = set_on_hand(SetStock(product_id="apple", on_hand=1), Level(on_hand=9, reserved=2))
    assert isinstance(outcome, RequestRefused)
    assert outcome.code == "on-hand-below-reserved"
