"""Ids, numbers and moments in paths and queries."""

from datetime import UTC, datetime

import falcon.testing
import pytest
from msgspec import UNSET

from onhand.gateway.parameters import (
    incoming_id_of,
    limit_of,
    location_id_of,
    moment_of,
    order_id_of,
    product_id_of,
    quantity_of,
    reservation_id_of,
)
from onhand.gateway.problems import Problem

ID = "01a206cd-427d-77a1-8aa6-7ee7769e5ae9"


def query(text: str) -> falcon.asgi.Request:
    request = falcon.testing.create_asgi_req(query_string=text)
    assert isinstance(request, falcon.asgi.Request)
    return request


def parameter(error: pytest.ExceptionInfo[Problem]) -> object:
    assert error.value.details.status == 422
    (violation,) = error.value.details.errors or ()
    return violation.parameter


@pytest.mark.parametrize("text", ["", "a\0", "a\nb", "a/b", "a\ufffd", "x" * 129])
def test_what_is_no_id_of_a_product_is_refused(text: str) -> None:
    with pytest.raises(Problem) as error:
        product_id_of(text)
    assert parameter(error) == "productId"


@pytest.mark.parametrize("text", ["", "a\0", "a/b", "a\ufffd", "x" * 65])
def test_what_is_no_id_of_a_location_is_refused(text: str) -> None:
    with pytest.raises(Problem) as error:
        location_id_of(text)
    assert parameter(error) == "locationId"


@pytest.mark.parametrize("text", ["", "42", ID + "0", "x" * 36])
def test_what_is_no_id_of_anything_expected_is_refused(text: str) -> None:
    with pytest.raises(Problem) as error:
        incoming_id_of(text)
    assert parameter(error) == "incomingId"


@pytest.mark.parametrize("text", ["", "42", "\ufffd", "x" * 5_000])
def test_with_what_is_no_id_of_ours_there_is_nothing(text: str) -> None:
    for id_of, kind in ((order_id_of, "order"), (reservation_id_of, "reservation")):
        with pytest.raises(Problem) as error:
            id_of(text)
        assert error.value.details.type == f"urn:onhand:problem:{kind}-not-found"
        assert error.value.details.status == 404


def test_ids_are_read() -> None:
    assert (product_id_of("日本"), location_id_of("x" * 64)) == ("日本", "x" * 64)
    assert {str(id_of(ID)) for id_of in (order_id_of, reservation_id_of, incoming_id_of)} == {ID}


def test_a_limit_is_a_whole_number_up_to_the_largest() -> None:
    assert (limit_of(query(""), 1000), limit_of(query("limit=1"), 1000), limit_of(query("limit=1000"), 1000)) == (
        UNSET,
        1,
        1000,
    )
    for text in ("0", "-1", "1001", "", "1.0", "x", "1&limit=1", "%D9%A3"):
        with pytest.raises(Problem) as error:
            limit_of(query(f"limit={text}"), 1000)
        assert parameter(error) == "limit"


def test_a_quantity_is_one_that_can_be_ordered() -> None:
    assert (quantity_of(query("quantity=2147483647")), quantity_of(query("limit=1"))) == (2**31 - 1, UNSET)


@pytest.mark.parametrize(
    "text",
    ["2026-11-25T09:30:00Z", "2026-11-25T10:30:00%2B01:00", "2026-11-25T10:30:00+01:00", "2026-11-25T08:30:00.0-01:00"],
)
def test_a_moment_has_its_offset_and_is_told_in_utc(text: str) -> None:
    moment = moment_of(query(f"at={text}"))
    assert moment == datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
    assert isinstance(moment, datetime)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "1", "%00", "2026-11-25", "2026-11-25T09:30:00"),
        *("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"),
        "2026-11-25T09:30:00Z&at=2026-11-25T09:30:00Z",
        "9" * 5_000,
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Problem) as error:
        moment_of(query(f"at={text}"))
    assert parameter(error) == "at"
