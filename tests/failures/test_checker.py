"""The checker itself: a forged history in which something went wrong has to be found out."""

from typing import Any

import pytest

from tests.e2e.books import Books
from tests.failures.checker import Findings, check
from tests.failures.history import NO_ANSWER, Look, Purchase, Record

ENDS = {"confirmed": "orders.order-confirmed.v1", "rejected": "orders.order-rejected.v1"}


def purchase(name: str, at: float = 1.0, *, answer: int = 201, **changes: object) -> Purchase:
    told: dict[str, Any] = {"order_id": name, "status": "pending"} if answer == 201 else {"says_when": True}
    told |= {"client": "1", "customer": f"customer of {name}", "product": "tea", "quantity": 2}
    return Purchase(asked_at=at, answered_at=at + 0.5, answer=answer, **told | changes)


def look(
    order_id: str,
    at: float,
    status: str,
    *,
    client: str = "1",
    answer: int = 200,
    until: float = 0,
    says_when: bool = True,
) -> Look:
    exchange: dict[str, Any] = {"client": client, "asked_at": at, "answered_at": until or at + 0.5, "answer": answer}
    return Look(**exchange, says_when=says_when, order_id=order_id, status=status)


def order(order_id: str, status: str = "confirmed", **changes: object) -> dict[str, Any]:
    reason = {"rejected": "insufficient-stock"}.get(status)
    customer = f"customer of {order_id}"
    return {"customer_id": customer, "product_id": "tea", "quantity": 2, "status": status, "reason": reason} | changes


def books(*, on_hand: int = 10, dead_letters: tuple[str, ...] = (), **orders: dict[str, Any]) -> Books:
    """What is on disk if all went well with these orders."""
    held = sum(it["quantity"] for it in orders.values() if it["reason"] is None)
    return Books(
        orders=dict(orders),
        stories={
            order_id: ["orders.order-created.v1", *([ENDS[it["status"]]] if it["status"] in ENDS else [])]
            for order_id, it in orders.items()
        },
        reservations={order_id: it | {"available": 0 if it["reason"] else 10} for order_id, it in orders.items()},
        stock={"tea": {"product_id": "tea", "on_hand": on_hand, "reserved": held}},
        dead_letters=list(dead_letters),
    )


def test_a_history_in_which_all_went_well_is_clean() -> None:
    history: list[Record] = [
        purchase("a"),
        look("a", 1.1, "confirmed", client="2"),
        look("a", 1.2, "pending", client="3", until=9.0),  # was under way while another saw the end
        purchase("b", answer=504, order_id="b"),
        purchase("c", answer=NO_ANSWER),
        purchase("d", answer=503),
        purchase("e", answer=NO_ANSWER, was_sent=False),
        look("b", 2.0, "", answer=404),
        look("b", 3.0, "rejected"),
    ]

    findings = check(history, books(a=order("a"), b=order("b", "rejected"), c=order("c")))

    assert findings == Findings(accepted=1, unavailable=2, unknown=2)
    assert findings.sentences() == []


def test_an_accepted_order_that_is_not_stored_is_lost() -> None:
    findings = check([purchase("a"), purchase("b")], books(a=order("a")))
    assert findings.accepted == 2
    assert findings.lost == ["order b of customer of b was answered 201 and is not stored"]


def test_an_accepted_order_that_is_stored_otherwise_is_lost() -> None:
    findings = check([purchase("a", quantity=3)], books(a=order("a")))
    assert len(findings.lost) == 1


@pytest.mark.parametrize("answer", [201, 504, NO_ANSWER])
def test_a_purchase_that_is_stored_twice_is_duplicated(answer: int) -> None:
    findings = check([purchase("a", answer=answer)], books(a=order("a"), b=order("b", customer_id="customer of a")))
    assert findings.duplicated == ["one purchase of customer of a is stored 2 times: a, b"]


@pytest.mark.parametrize("refusal", [{"answer": 503}, {"answer": NO_ANSWER, "was_sent": False}])
def test_a_refused_purchase_that_is_stored_is_duplicated(refusal: dict[str, Any]) -> None:
    findings = check([purchase("a", **refusal)], books(a=order("a")))
    assert findings.duplicated == ["the purchase of customer of a was refused and is stored as a"]


def test_an_order_that_nobody_placed_is_duplicated() -> None:
    findings = check([], books(a=order("a")))
    assert findings.duplicated == ["customer of a never placed what is stored as a"]


def test_an_order_stored_under_another_id_than_was_told_is_found_out() -> None:
    findings = check([purchase("a", answer=504, order_id="b")], books(a=order("a")))
    assert findings.duplicated == ["the purchase of customer of a is stored as a, not b"]


def test_more_units_sold_than_there_are_is_oversold() -> None:
    findings = check([purchase("a"), purchase("b")], books(on_hand=3, a=order("a"), b=order("b")))
    assert findings.oversold == {"tea": 1}
    assert findings.oversold_units == 1
    assert "1 units too many of tea are sold" in findings.sentences()


@pytest.mark.parametrize(
    ("status", "then", "client"),
    [("confirmed", "pending", "1"), ("confirmed", "pending", "2"), ("rejected", "confirmed", "2")],
)
def test_a_status_that_goes_back_is_a_regression_whoever_looks(status: str, then: str, client: str) -> None:
    end = status if then == "pending" else then
    findings = check([purchase("a"), look("a", 2, status), look("a", 3, then, client=client)], books(a=order("a", end)))
    assert f"order a was {then} after it had been seen {status}" in findings.regressions


def test_an_order_that_was_accepted_and_then_not_found_is_a_regression() -> None:
    findings = check([purchase("a"), look("a", 2, "", answer=404)], books(a=order("a")))
    assert findings.regressions == ["order a was absent after it had been seen pending"]


def test_an_end_that_was_seen_and_is_not_on_disk_is_a_regression() -> None:
    findings = check([purchase("a"), look("a", 2, "confirmed")], books(a=order("a", "rejected")))
    assert findings.regressions == ["order a was rejected after it had been seen confirmed"]


def test_an_order_that_never_ended_or_ended_twice_is_wrong() -> None:
    found = books(a=order("a", "pending"), b=order("b"))
    found.stories["b"].append(ENDS["rejected"])
    never, twice = check([purchase("a"), purchase("b")], found).wrong
    assert never == "order a never ended"
    assert twice.startswith("order b is confirmed, but its story is")


def test_an_order_that_ended_otherwise_than_inventory_decided_is_wrong() -> None:
    found = books(a=order("a", "rejected"))
    found.reservations["a"] = order("a") | {"available": 10}
    assert any("is not what Inventory decided" in sentence for sentence in check([purchase("a")], found).wrong)


def test_an_order_rejected_although_there_was_enough_is_wrong() -> None:
    found = books(a=order("a", "rejected"))
    found.reservations["a"] = order("a", "rejected") | {"available": 2}
    assert check([purchase("a")], found).wrong == ["order a was rejected although 2 units were available"]


@pytest.mark.parametrize("answer", [503, 504])
def test_an_answer_to_come_again_that_does_not_say_when_is_wrong(answer: int) -> None:
    assert check([purchase("a", answer=answer), look("b", 2, "", answer=answer, says_when=False)], books()).wrong == [
        f"1 times a look was answered {answer} without a Retry-After"
    ]


def test_dead_letters_and_answers_that_may_not_be_are_wrong() -> None:
    history: list[Record] = [purchase("a", answer=500), look("a", 2, "", answer=500), look("a", 3, "", answer=500)]
    assert check(history, books(dead_letters=("orders buried one",))).wrong == [
        "1 times a purchase was answered 500",
        "2 times a look was answered 500",
        "orders buried one",
    ]
