import io
import sys
from collections import Counter
from itertools import islice

import pytest
from rich.console import Console

from onhand.cli.demo.catalogue import make_catalogue
from onhand.cli.demo.command import is_loopback, is_same_gateway, plain_svg
from onhand.cli.demo.figures import COUNTED, Figures, Shelf, percentile
from onhand.cli.demo.screen import picture, sparkline
from onhand.cli.demo.shoppers import visits
from onhand.cli.main import app

PRODUCTS = make_catalogue("demo-1", 20)


def test_the_same_seed_draws_the_same_shoppers_and_another_one_draws_others() -> None:
    first, again, other = (list(islice(visits("demo-1", PRODUCTS, seed), 200)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_the_choices_do_not_depend_on_the_tag_of_the_run() -> None:
    drawn = [
        [visit.wish for visit in islice(visits(tag, make_catalogue(tag, 20), 7), 200)] for tag in ("demo-1", "demo-2")
    ]
    assert drawn[0] == drawn[1]


def test_everything_of_a_run_carries_its_tag() -> None:
    for visit in islice(visits("demo-1", PRODUCTS, 1), 200):
        assert visit.customer_id.startswith("demo-1-")
        assert all(product.product_id.startswith("demo-1-") for product in visit.quantities)


def test_products_are_wanted_by_the_law_of_zipf() -> None:
    wanted = Counter(product for visit in islice(visits("demo-1", PRODUCTS, 1), 5000) for product in visit.quantities)
    counts = [wanted[product] for product in PRODUCTS]
    assert counts[0] > 1.5 * counts[1] > 1.5 * counts[3] > 1.5 * counts[11] > 0


def test_shoppers_do_all_that_a_shop_has_to_bear() -> None:
    seen = list(islice(visits("demo-1", PRODUCTS, 1), 1000))
    for field in ("holds", "walks_away", "changes_mind", "sends_back"):
        assert {getattr(visit, field) for visit in seen} == {True, False}
    assert {visit.policy for visit in seen} == {"backorder", "all-or-nothing", "ship-available"}
    assert {len(visit.quantities) for visit in seen} == {1, 2, 3}
    assert not any(visit.walks_away and not visit.holds for visit in seen)


def test_a_larger_rate_makes_larger_shelves() -> None:
    assert all(
        slow.full < fast.full for slow, fast in zip(make_catalogue("a", 20), make_catalogue("a", 200), strict=True)
    )
    assert all(product.full > 0 for product in make_catalogue("a", 0.1))


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, 0.0), ([3.0], 99, 3.0), ([4.0, 1.0, 3.0, 2.0], 50, 2.0), ([float(n) for n in range(1, 101)], 99, 99.0)],
)
def test_percentiles_are_nearest_ranks(values: list[float], percent: int, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_a_shelf_runs_out_once_until_it_has_something_again() -> None:
    figures = Figures("demo-1", 1)
    figures.shelves["tea"] = Shelf("Tea", full=10, available=10)
    assert [figures.stands("tea", available) for available in (3, 0, 0, 5, 0)] == [False, True, False, False, True]
    assert figures.counts["run_dry"] == 2


def test_the_summary_has_what_was_counted() -> None:
    figures = Figures("demo-1", 7)
    for second in range(4):
        figures.placed(second + 0.5, latency_ms=10.0 * (second + 1))
    figures.settled("confirmed", 5.0)
    summary = figures.summary(2.0)
    assert (summary.orders, summary.orders_per_second, summary.confirmed, summary.rejected) == (4, 2.0, 1, 0)
    assert (summary.p50_ms, summary.p99_ms, summary.settled_p50_ms) == (20.0, 40.0, 5.0)
    assert figures.rates(4.2, width=3) == [1, 1, 1]


def drawn(figures: Figures, columns: int) -> list[str]:
    paper = Console(width=columns, file=io.StringIO(), record=True)
    paper.print(picture(figures, 3599.0, 3600.0))
    return paper.export_text().splitlines()


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_the_picture_fits_into_24_lines_whatever_it_shows(columns: int) -> None:
    figures = Figures("demo-6b05c738", 123456)
    assert 0 < len(drawn(figures, columns)) < 24, "before the first order"
    figures.counts.update(dict.fromkeys(COUNTED, 99_999))
    for product in PRODUCTS:
        figures.shelves[product.product_id] = Shelf(product.name, product.full, available=0, waiting=1999)
        figures.say("green", "Chloé waits for 4 x Espresso beans and 2 more " * 5)
    for second in range(3600):
        figures.placed(second, 9_999.4)
    lines = drawn(figures, columns)
    assert len(lines) < 24
    assert max(map(len, lines)) <= columns
    assert any("99,999" in line for line in lines)
    shown = "\n".join(lines)
    assert all(product.name in shown for product in PRODUCTS)
    assert shown.count("out 1999↻") == len(PRODUCTS)
    assert "201 in 9,999 ms, p99 9,999 ms" in shown
    assert "99,999 sent again, 99,999 given up" in shown


def test_a_sparkline_is_as_wide_as_asked_and_as_high_as_its_highest() -> None:
    assert sparkline([], 3) == "   "
    assert sparkline([0, 4, 8], 4) == "  ▄█"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:3000", True),
        ("http://localhost", True),
        ("http://[::1]:3000", True),
        ("http://0.0.0.0:3000", True),
        ("http://10.0.0.1:3000", False),
        ("https://shop.example", False),
        ("http://127.0.0.1.shop.example", False),
        ("nonsense", False),
        ("http://[", False),
    ],
)
def test_only_a_loopback_address_is_this_machine(url: str, *, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize("ours", ["http://127.0.0.1:3000", "http://0.0.0.0:3000", "http://localhost:3000"])
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:3000", True),
        ("http://127.0.0.1:3000/", True),
        ("http://localhost:3000", True),
        ("HTTP://LocalHost:3000/", True),
        ("http://[::1]:3000", True),
        ("http://[::1]:3000//", True),
        ("http://localhost:3001", False),
        ("http://localhost", False),
        ("https://localhost:3000", False),
        ("http://localhost:3000/behind/a/proxy", False),
        ("http://shop.example:3000", False),
        ("http://10.0.0.1:3000", False),
        ("localhost:3000", False),
        ("http://localhost:many", False),
        ("http://[", False),
    ],
)
def test_the_gateway_of_this_machine_is_known_by_each_of_its_names(url: str, ours: str, *, expected: bool) -> None:
    assert is_same_gateway(url, ours) is expected


def test_a_gateway_elsewhere_is_known_by_its_name() -> None:
    assert is_same_gateway("http://Shop.example/", "http://shop.example:80")
    assert not is_same_gateway("http://shop.example", "http://127.0.0.1")


def test_the_demo_does_not_run_elsewhere_without_a_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["onhand", "demo", "--url", "http://shop.example"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(SystemExit) as ended:
        app()
    assert ended.value.code == 1
    assert "not on this machine" in capsys.readouterr().err


def test_a_picture_fetches_nothing_from_elsewhere() -> None:
    paper = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    paper.print(picture(Figures("demo-1", 1), 1.0, 60.0))
    svg = plain_svg(paper.export_svg(title="onhand demo"))
    assert "<svg" in svg
    assert "onhand" in svg
    assert "https://" not in svg
    assert "url(http" not in svg
