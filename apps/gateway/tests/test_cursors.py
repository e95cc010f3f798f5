"""Cursors: they fit the list they came from, and nothing else is one."""

from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onhand.gateway.cursors import decode_cursor, encode_cursor
from onhand.gateway.fields import Identifier
from onhand.gateway.problems import Problem

ID = "01a206cd-427d-77a1-8aa6-7ee7769e5ae9"
LISTED = "/api/gateway/orders?status=confirmed"


def refused(text: str, listed: str = LISTED, kind: object = UUID) -> None:
    with pytest.raises(Problem) as error:
        decode_cursor(text, listed, kind)
    assert error.value.details.status == 422
    (violation,) = error.value.details.errors or ()
    assert violation.parameter == "cursor"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1, max_size=128))
def test_a_cursor_is_read_as_what_it_was_written_for(position: str) -> None:
    assert decode_cursor(encode_cursor(position, LISTED), LISTED, Identifier) == position


def test_a_cursor_is_of_letters_that_no_url_changes() -> None:
    assert encode_cursor("ÿ?>~" * 20, LISTED).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("listed", ["/api/gateway/orders", "/api/gateway/orders?status=rejected", "/api/gateway/stock"])
def test_a_cursor_of_another_list_is_refused(listed: str) -> None:
    refused(encode_cursor(ID, LISTED), listed)


def test_a_cursor_in_which_any_one_letter_is_another_is_refused() -> None:
    cursor = encode_cursor(ID, LISTED)
    for place, letter in enumerate(cursor):
        for other in "AZaz09-_":
            if other != letter:
                refused(cursor[:place] + other + cursor[place + 1 :])


def test_a_cursor_that_is_cut_off_or_longer_is_refused() -> None:
    cursor = encode_cursor(ID, LISTED)
    for text in (*(cursor[:length] for length in range(len(cursor))), cursor + "A", "A" + cursor, cursor + "="):
        refused(text)


@given(st.text(max_size=100))
def test_nothing_that_somebody_made_up_is_a_cursor(text: str) -> None:
    refused(text)


@pytest.mark.parametrize("position", ["", "no-id", "\0", "a/b", "x" * 129])
def test_a_position_that_cannot_be_one_is_refused_though_its_digest_fits(position: str) -> None:
    for kind in (UUID, Identifier):
        if kind is UUID or position != "no-id":
            refused(encode_cursor(position, LISTED), kind=kind)


def test_bytes_that_are_no_text_are_refused() -> None:
    for data in (b"\x01" + b"\xff" * 30, b"", b"\x02" * 30):
        refused(urlsafe_b64encode(data).decode().rstrip("="))
    refused("x" * 100_000)
