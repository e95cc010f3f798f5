"""The checker itself: a forged history in which something went wrong has to be found out."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.books import Books, Row, served_out_of_turn
from tests.failures.checker import Findings, check
from tests.failures.history import NO_ANSWER, Deed, Look, Purchase, Record

ENDS = {"confirmed": "confirmed.v1", "rejected": "rejected.v2", "cancelled": "cancelled.v1"}
REASONS = {"rejected": "insufficient-stock"}
NOTHING = dict.fromkeys(("reserved", "backordered", "fulfilled", "returned", "cancelled"), 0)


def purchase(name: str, at: float = 1.0, *, answer: int = 201, **changes: object) -> Purchase:
    told: dict[str, Any] = {"order_id": name, "status": "pending"} if answer == 201 else {"says_when": True}
    told |= {"client": "1", "customer": f"customer of {name}", "lines": (("tea", 2),)}
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
    fulfilment: str = "",
) -> Look:
    exchange: dict[str, Any] = {"client": client, "asked_at": at, "answered_at": until or at + 0.5, "answer": answer}
    return Look(**exchange, says_when=says_when, order_id=order_id, status=status, fulfilment=fulfilment)


def deed(verb: str, subject: str, key: str, *, answer: int = 201, at: float = 2.0, **changes: object) -> Deed:
    told: dict[str, Any] = {"client": "1", "says_when": True, "verb": verb, "subject": subject, "key": key} | changes
    return Deed(asked_at=at, answered_at=at + 0.5, answer=answer, **told)


def order(order_id: str, status: str = "confirmed", **changes: object) -> dict[str, Any]:
    has = {"confirmed": {"reserved": 2}, "rejected": {"cancelled": 2}, "cancelled": {"cancelled": 2}}.get(status, {})
    lines = [{"productId": "tea", "quantity": 2, **NOTHING, **has}]
    customer = f"customer of {order_id}"
    stored = {"customer_id": customer, "policy": "all-or-nothing", "status": status, "reason": REASONS.get(status)}
    return stored | {"lines": lines} | changes


def decision(order: dict[str, Any], **changes: object) -> dict[str, Any]:
    """What Inventory has of an order for two of tea."""
    is_granted = order["reason"] is None
    return {
        "product_id": "tea",
        "location_id": "main" if is_granted else None,
        "line_no": 0,
        "requested": 2,
        "granted": 2 if is_granted else 0,
        "shipped": 0,
        "waiting": 0,
        "queue_no": None,
        "decided_at": None,
        "reason": order["reason"],
        "available": 10 if is_granted else 0,
        "released_at": 1 if order["status"] == "cancelled" else None,
        **changes,
    }


def books(
    *,
    on_hand: int = 10,
    dead_letters: tuple[str, ...] = (),
    effects: dict[str, int] | None = None,
    holds: dict[str, str] | None = None,
    **orders: dict[str, Any],
) -> Books:
    """What is on disk if all went well with these orders."""
    held = sum(line["reserved"] for it in orders.values() for line in it["lines"])
    level = {"product_id": "tea", "location_id": "main", "on_hand": on_hand}
    return Books(
        orders=dict(orders),
        stories={
            order_id: [
                "orders.order-created.v2",
                *([f"orders.order-{ENDS[it['status']]}"] if it["status"] in ENDS else []),
            ]
            for order_id, it in orders.items()
        },
        reservations={order_id: [decision(it)] for order_id, it in orders.items() if it["status"] != "pending"},
        levels={("tea", "main"): level | {"reserved": held}},
        ledger=[level | {"type": "receive", "quantity": on_hand}],
        holds=holds or {},
        effects=Counter(effects or {}),
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
    findings = check([purchase("a", lines=(("tea", 3),))], books(a=order("a")))
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
    [
        ("confirmed", "pending", "1"),
        ("confirmed", "pending", "2"),
        ("rejected", "confirmed", "2"),
        ("cancelled", "confirmed", "2"),
    ],
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
    found.stories["b"].append("orders.order-rejected.v2")
    never, twice = check([purchase("a"), purchase("b")], found).wrong
    assert never == "order a never ended"
    assert twice.startswith("order b is confirmed, but its story is")


def test_an_order_that_ended_otherwise_than_inventory_decided_is_wrong() -> None:
    found = books(a=order("a", "rejected"))
    found.reservations["a"] = [decision(order("a"))]
    assert any("is not what Inventory decided" in sentence for sentence in check([purchase("a")], found).wrong)


def test_an_order_rejected_although_there_was_enough_is_wrong() -> None:
    found = books(a=order("a", "rejected"))
    found.reservations["a"] = [decision(order("a", "rejected"), available=2)]
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


def test_statuses_that_go_on_along_the_graph_are_no_regressions() -> None:
    history: list[Record] = [purchase("a")]
    steps = ["pending", "backordered", "confirmed", "cancelled"]
    history += [look("a", at, status) for at, status in enumerate(steps, start=2)]
    assert check(history, books(a=order("a", "cancelled"))).regressions == []


def test_what_was_sent_and_is_not_sent_any_more_is_a_regression() -> None:
    looks = [look("a", 2, "confirmed", fulfilment="fulfilled"), look("a", 3, "confirmed", fulfilment="unfulfilled")]
    findings = check([purchase("a"), *looks], books(a=order("a")))
    assert findings.regressions == ["order a was unfulfilled after it had been seen fulfilled"]


def test_a_hold_that_ends_twice_is_a_regression() -> None:
    sights = [
        deed("see-hold", "h", "", answer=200, told_id="h", status=it, at=at) for it, at in (("active", 2), ("used", 3))
    ]
    findings = check(sights, books(holds={"h": "expired"}))
    assert findings.regressions == ["hold h was expired after it had been seen used"]


def test_a_purchase_sent_again_with_its_key_is_one_purchase() -> None:
    tries = [purchase("a", key="k", answer=504, order_id="z"), purchase("a", key="k"), purchase("a", key="k")]
    assert check(tries, books(a=order("a"))) == Findings(accepted=1, unknown=1)


def test_a_purchase_sent_again_with_its_key_and_told_of_another_order_is_duplicated() -> None:
    tries = [purchase("a", key="k"), purchase("a", key="k", order_id="b")]
    findings = check(tries, books(a=order("a")))
    assert findings.duplicated == ["the purchase of customer of a is stored as a, not b"]


@pytest.mark.parametrize("verb", ["fulfil", "return", "receive", "transfer", "hold", "expect"])
def test_a_deed_that_was_answered_and_is_not_done_is_lost(verb: str) -> None:
    findings = check([deed(verb, "x", "k")], books())
    assert findings.lost == [f"{verb} k of x was answered 201 and is not done"]
    assert check([deed(verb, "x", "k")], books(effects={"k": 1})) == Findings(done=1)


def test_a_deed_that_was_done_twice_is_duplicated() -> None:
    tries = [deed("receive", "tea", "k", answer=504), deed("receive", "tea", "k", at=3)]
    assert check(tries, books(effects={"k": 2})).duplicated == ["receive k of tea was done 2 times"]


@pytest.mark.parametrize("answer", [409, 404, 503])
def test_a_deed_that_was_refused_and_is_done_is_duplicated(answer: int) -> None:
    findings = check([deed("fulfil", "a", "k", answer=answer)], books(effects={"k": 1}))
    assert findings.duplicated == ["fulfil k of a was refused and is done"]


def test_a_deed_of_which_nobody_knows_may_be_done_or_not() -> None:
    tries = [deed("fulfil", "a", "k", answer=504), deed("fulfil", "a", "k", answer=409, at=3)]
    for effects in ({}, {"k": 1}):
        assert check(tries, books(effects=effects)) == Findings(unknown=1)


def test_a_cancellation_that_was_answered_and_is_not_stored_is_lost() -> None:
    findings = check([purchase("a"), deed("cancel", "a", "k", answer=200)], books(a=order("a")))
    assert findings.lost == ["order a was cancelled, answered 200, and is confirmed"]


def test_an_order_that_is_cancelled_twice_is_duplicated() -> None:
    found = books(a=order("a", "cancelled"))
    found.stories["a"].append("orders.order-cancelled.v1")
    assert check([purchase("a")], found).duplicated == ["order a was cancelled 2 times"]


def test_a_release_that_was_answered_and_is_no_release_is_lost() -> None:
    findings = check([deed("release", "h", "k", answer=200)], books(holds={"h": "used"}))
    assert findings.lost == ["hold h was released, answered 200, and is used"]


def test_units_that_orders_and_inventory_count_otherwise_are_wrong() -> None:
    found = books(a=order("a"))
    found.reservations["a"] = [decision(order("a"), shipped=1)]
    assert any("is not what Inventory has of it" in it for it in check([purchase("a")], found).wrong)


def test_a_ledger_that_does_not_add_up_is_wrong() -> None:
    found = books()
    found.ledger.append({"product_id": "tea", "location_id": "main", "type": "adjust", "quantity": -1, "on_hand": 8})
    assert check([], found).wrong == [
        "8 units of ('tea', 'main') are there after a movement, and 9 by the ledger",
        "10 units of ('tea', 'main') are on hand, but movements add up to 9",
    ]


def test_who_is_served_while_another_waits_since_before_is_found() -> None:
    found = books(a=order("a"), b=order("b"))

    def filled(place: int, at: int) -> list[Row]:
        moment = {"queue_no": place, "decided_at": datetime.fromtimestamp(at, UTC)}
        return [decision(order("x"), **moment, waiting=0), decision(order("x"), requested=0, **moment)]

    found.reservations.update(a=filled(1, at=20), b=filled(2, at=30))
    assert served_out_of_turn(found) == []
    found.reservations.update(b=filled(2, at=10))
    assert served_out_of_turn(found) == ["place 2 in the queue for tea was served before place 1 had all"]
    found.reservations.update(
        a=[decision(order("x"), queue_no=1, waiting=2, decided_at=datetime.fromtimestamp(1, UTC))]
    )
    assert served_out_of_turn(found) == ["place 2 in the queue for tea was served before place 1 had all"]
