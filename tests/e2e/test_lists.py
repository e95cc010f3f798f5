"""Lists of orders, stock, products and what is expected, over HTTP."""

import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.e2e.problems import wrong_fields
from tests.e2e.shop import API, becomes, done, hold, move, new_id, new_location, place, post, set_product
from tests.e2e.system import System
from tests.e2e.traffic import look_up, set_stock, stock, traffic


@pytest.fixture
def product() -> str:
    """A product that no other test knows."""
    return new_id()


def ask(system: System, path: str, **query: object) -> httpx.Response:
    parameters = {name: str(value) for name, value in query.items()}
    return system.client.get(f"{API}/{path}", params=parameters)


def walk(system: System, path: str, **query: object) -> list[list[dict[str, Any]]]:
    """All pages of a list, found by their links."""
    found, response = [], ask(system, path, **query)
    while True:
        body = done(response, 200)
        found.append(body[path])
        link = response.headers.get("Link")
        assert ("next" in body) == (link is not None)
        if link is None:
            return found
        match = re.fullmatch(r'<([^>]+)>; rel="next"', link)
        assert match is not None
        assert match[1] == body["next"]
        response = system.client.get(match[1])


def ids(pages: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[order["orderId"] for order in page] for page in pages]


def test_orders_of_a_customer_are_listed_the_newest_first_and_as_each_is_told(system: System, product: str) -> None:
    set_stock(system, product, 100)
    customer = new_id("customer ü&=+")
    placed = [place(system, {product: 1}, customerId=customer, reference=f"r {n}") for n in range(5)]
    for order_id in placed:
        becomes(system, order_id, "confirmed")
    pages = walk(system, "orders", customerId=customer, limit=2)
    assert ids(pages) == [placed[:2:-1], placed[2:0:-1], placed[:1]]
    assert pages[0][0] == look_up(system, placed[-1])
    assert ids(walk(system, "orders", customerId=customer, reference="r 3")) == [[placed[3]]]
    assert ids(walk(system, "orders", productId=product)) == [placed[::-1]]


def test_orders_are_found_by_state_and_time(system: System, product: str) -> None:
    set_stock(system, product, 2)
    orders = [becomes(system, place(system, {product: 2}), status) for status in ("confirmed", "rejected")]
    done(system.client.post(f"{API}/orders/{orders[0]['orderId']}/fulfilments"))

    def found(**query: object) -> list[str]:
        return [order_id for page in ids(walk(system, "orders", productId=product, **query)) for order_id in page]

    confirmed, rejected = (order["orderId"] for order in orders)
    assert found(status="confirmed") == found(fulfilment="fulfilled") == [confirmed]
    assert found(status="rejected") == [rejected]
    assert found(status="pending") == []
    assert found(createdFrom=orders[1]["createdAt"]) == [rejected]
    assert found(createdTo=orders[1]["createdAt"]) == [confirmed]
    assert found(createdFrom="2026-01-01T00:00:00+05:30") == [rejected, confirmed]


def test_pages_repeat_and_miss_no_order_while_others_arrive(system: System) -> None:
    with traffic(system) as orders:
        orders.go_on(30)
        before = list(orders.accepted)
        pages = ids(walk(system, "orders", limit=3))
        orders.go_on(5)
    found = [order_id for page in pages for order_id in page]
    assert len(found) == len(set(found))
    assert found == sorted(found, reverse=True)
    assert set(before) <= set(found)


def test_stock_is_listed_and_filtered(system: System) -> None:
    place_ = new_location(system)
    names = [new_id(f"{n}") for n in range(4)]
    for name, units in zip(names, (9, 1, 2, 0), strict=True):
        set_stock(system, name, units, place_)
    set_product(system, names[1], lowStockThreshold=1)
    hold(system, {names[2]: 2})

    def found(**query: object) -> list[str]:
        return [level["productId"] for page in walk(system, "stock", locationId=place_, **query) for level in page]

    assert found() == found(limit=1) == found(low="false") == names
    assert found(low="true") == names[1:2]
    assert found(depleted="true") == names[2:]
    assert found(depleted="true", low="true") == []
    assert walk(system, "stock", locationId=place_)[0][0] == stock(system, names[0])


def test_products_are_listed_by_their_ids_and_as_each_is_told(system: System) -> None:
    beginning = new_id("ü &=+")
    names = [f"{beginning} {number}" for number in range(5)]
    for name in reversed(names):
        set_product(system, name, name=f"The {name}", safetyStock=2)
    pages = walk(system, "products", prefix=beginning, limit=2)
    assert [[product["productId"] for product in page] for page in pages] == [names[:2], names[2:4], names[4:]]
    for product in pages[0]:
        assert product == done(system.client.get(f"{API}/products/{product['productId']}"), 200)
    assert walk(system, "products", prefix=new_id()) == [[]]


def test_pages_repeat_and_miss_no_product_while_others_are_added(system: System) -> None:
    beginning = new_id("stable")
    before = [f"{beginning} {number}" for number in range(0, 20, 2)]
    for name in before:
        set_product(system, name)
    found: list[str] = []
    following: str | None = f"{API}/products?{urlencode({'prefix': beginning, 'limit': 3})}"
    while following:
        page = done(system.client.get(following), 200)
        found += [product["productId"] for product in page["products"]]
        following = page.get("next")
        for name in (f"{beginning} 0{len(found)}", f"{found[-1]}!"):  # before and after where the page ended
            set_product(system, name)
    assert len(found) == len(set(found))
    assert found == sorted(found)
    assert set(before) <= set(found)


def test_what_is_to_come_is_listed_by_its_product_and_as_each_is_told(system: System) -> None:
    jam, tea = new_id("expected 1"), new_id("expected 2")
    for product in (jam, tea):
        set_stock(system, product, 0)
    expected = [expect(system, product, quantity=units) for product, units in ((tea, 3), (jam, 1), (tea, 2), (jam, 5))]
    by_id = sorted(expected, key=lambda it: (it["productId"], it["incomingId"]))
    assert walk(system, "incoming", productId=tea, limit=1) == [[it] for it in by_id[2:]]
    listed = [it for page in walk(system, "incoming", limit=1) for it in page]
    assert [it for it in listed if it["productId"] in (jam, tea)] == by_id
    assert listed == sorted(listed, key=lambda it: (it["productId"], it["incomingId"]))
    one, other = by_id[:2]
    assert one == done(system.client.get(f"{API}/stock/{jam}/incoming/{one['incomingId']}"), 200)
    move(system, jam, "receive", quantity=one["quantity"], incomingId=one["incomingId"])
    assert walk(system, "incoming", productId=jam) == [[other]]


def expect(system: System, product: str, **fields: object) -> dict[str, Any]:
    return done(post(system, f"stock/{product}/incoming", {"expectedAt": "2026-12-01T08:00:00Z"} | fields))


_LISTS = ("orders", "stock", "products", "incoming")
WRONG = [
    ("orders", "status=lost", "status"),
    ("orders", "status=", "status"),
    ("orders", "status=CONFIRMED", "status"),
    ("orders", "status=confirmed&status=rejected", "status"),
    ("orders", "fulfilment=sent", "fulfilment"),
    ("orders", "customerId=", "customerId"),
    ("orders", "customerId=a%00b", "customerId"),
    ("orders", "customerId=%ff", "customerId"),
    ("orders", "customerId=" + "x" * 129, "customerId"),
    ("orders", "customerId=a&customerId=a", "customerId"),
    ("orders", "productId=a/b", "productId"),
    ("orders", "reference=a%0ab", "reference"),
    ("orders", "createdFrom=yesterday", "createdFrom"),
    ("orders", "createdFrom=2026-13-01T00:00:00Z", "createdFrom"),
    ("orders", "createdFrom=2026-11-01T00:00:00", "createdFrom"),
    ("orders", "createdFrom=2026-11-01", "createdFrom"),
    ("orders", "createdFrom=1780000000", "createdFrom"),
    ("orders", "createdTo=1969-12-31T23:59:59Z", "createdTo"),
    ("orders", "createdTo=9999-12-31T23:59:59-23:59", "createdTo"),
    ("orders", "createdTo=", "createdTo"),
    ("orders", "createdFrom=2026-11-02T00:00:00Z&createdTo=2026-11-01T00:00:00Z", "createdTo"),
    ("orders", "createdFrom=2026-11-02T00:00:00Z&createdTo=2026-11-02T00:00:00Z", "createdTo"),
    *((path, f"limit={limit}", "limit") for path in _LISTS for limit in ("0", "-1", "201", "9" * 5000)),
    *((path, f"limit={limit}", "limit") for path in _LISTS for limit in ("", "ten", "1.5", "1e2", "%d9%a3")),
    *((path, "limit=1&limit=2", "limit") for path in _LISTS),
    *((path, f"cursor={cursor}", "cursor") for path in _LISTS for cursor in ("", "next", "%00", "A" * 60)),
    *((path, "cursor=a&cursor=b", "cursor") for path in _LISTS),
    *((path, f"{name}=1", name) for path in _LISTS for name in ("page", "Status", "customer_id", "offset")),
    ("orders", "low=true", "low"),
    ("stock", "status=confirmed", "status"),
    ("stock", "low=yes", "low"),
    ("stock", "low=", "low"),
    ("stock", "depleted=TRUE", "depleted"),
    ("stock", "depleted=true&depleted=true", "depleted"),
    ("stock", "locationId=", "locationId"),
    ("stock", "locationId=a/b", "locationId"),
    ("stock", "locationId=%ff", "locationId"),
    ("products", "low=true", "low"),
    ("products", "prefix=", "prefix"),
    ("products", "prefix=a/b", "prefix"),
    ("products", "prefix=%ff", "prefix"),
    ("products", "prefix=" + "x" * 129, "prefix"),
    ("products", "prefix=a&prefix=a", "prefix"),
    ("incoming", "prefix=a", "prefix"),
    ("incoming", "productId=", "productId"),
    ("incoming", "productId=a/b", "productId"),
    ("incoming", "productId=%ff", "productId"),
    ("incoming", "productId=a&productId=a", "productId"),
]


@pytest.mark.parametrize(("path", "query", "parameter"), WRONG, ids=lambda it: it[:60])
def test_a_list_that_cannot_be_is_refused_with_the_parameter_that_is_wrong(
    system: System, path: str, query: str, parameter: str
) -> None:
    assert wrong_fields(system.client.get(f"{API}/{path}?{query}")) == {parameter}


def test_several_unknown_parameters_are_all_named(system: System) -> None:
    assert wrong_fields(ask(system, "orders", page=1, sort="id")) == {"page", "sort"}


def test_a_cursor_fits_only_the_list_that_it_was_given_for(system: System, product: str) -> None:
    for _ in range(3):
        place(system, {product: 1})
    following = done(ask(system, "orders", productId=product, limit=1), 200)["next"]
    cursor = httpx.URL(following).params["cursor"]
    done(ask(system, "orders", productId=product, limit=2, cursor=cursor), 200)  # the limit may change
    for path, query in (
        ("orders", {}),
        ("orders", {"productId": new_id()}),
        ("orders", {"productId": product, "status": "pending"}),
        ("stock", {}),
        ("products", {}),
        ("incoming", {"productId": product}),
    ):
        assert wrong_fields(ask(system, path, cursor=cursor, **query)) == {"cursor"}
    for tampered in (cursor[:-1], cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), cursor + "A", cursor.swapcase()):
        assert wrong_fields(ask(system, "orders", productId=product, cursor=tampered)) == {"cursor"}


def test_stock_at_a_location_nobody_knows_is_not_found(system: System) -> None:
    response = ask(system, "stock", locationId=new_id("place"))
    assert (response.status_code, response.json()["title"]) == (404, "Location not found")


def test_what_nobody_has_is_an_empty_list(system: System) -> None:
    for query in ({"customerId": new_id()}, {"productId": new_id()}, {"reference": new_id()}):
        assert walk(system, "orders", **query) == [[]]
    assert done(ask(system, "orders", customerId="Zoë"), 200) == {"orders": []}
