"""Lines for the same product become one."""

import pytest

from onhand.common.contracts import Line
from onhand.gateway.lines import merged, pointer_into
from onhand.gateway.problems import Problem

MOST = 2**31 - 1


def lines(*units: tuple[str, int]) -> list[Line]:
    return [Line(product_id=product_id, quantity=quantity) for product_id, quantity in units]


def test_lines_for_different_products_stay_as_they_are() -> None:
    assert list(merged(lines(("b", 1), ("a", 2)))) == lines(("b", 1), ("a", 2))


def test_lines_for_the_same_product_are_summed_up_where_it_first_comes() -> None:
    assert list(merged(lines(("b", 1), ("a", 2), ("b", 3), ("c", 4), ("a", 5)))) == lines(("b", 4), ("a", 7), ("c", 4))


def test_the_largest_sum_is_taken() -> None:
    assert list(merged(lines(("a", MOST - 1), ("a", 1)))) == lines(("a", MOST))


def test_each_line_that_makes_a_sum_too_large_is_named() -> None:
    with pytest.raises(Problem) as raised:
        merged(lines(("a", MOST), ("b", MOST), ("a", 1), ("c", 1), ("b", MOST)))
    assert raised.value.details.status == 422
    errors = raised.value.details.errors
    assert [error.pointer for error in errors or ()] == ["/lines/2/quantity", "/lines/4/quantity"]


@pytest.mark.parametrize(
    ("pointer", "into_lines"),
    [
        ("/lines/0/quantity", "/lines/0/quantity"),
        ("/lines/1/quantity", "/lines/2/quantity"),
        ("/lines/2/productId", "/lines/4/productId"),
        ("/lines/1", "/lines/2"),
        ("/lines/3/quantity", "/lines/3/quantity"),
        ("/lines/x", "/lines/x"),
        ("/reservationId", "/reservationId"),
    ],
)
def test_what_is_told_of_a_summed_line_is_told_of_the_first_line_of_its_product(pointer: str, into_lines: str) -> None:
    as_they_came = lines(("b", 1), ("b", 1), ("a", 1), ("a", 1), ("c", 1))
    assert pointer_into(as_they_came, pointer) == into_lines
