"""`onhand dlq list` and `show`, on the databases of both services."""

import json

import pytest

from tests.dlq.conftest import Run
from tests.dlq.letters import ORDER


def listed(run: Run, *arguments: str) -> list[str]:
    code, out, _ = run("list", "--json", *arguments)
    assert code == 0
    found = json.loads(out)
    assert len(found["letters"]) == found["total"]
    return [it["id"] for it in found["letters"]]


def test_dead_letters_of_both_services_are_listed_and_obey_no_terminal(run: Run) -> None:
    code, out, _ = run("list")
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert list(rows) == ["orders/1", "orders/2", "orders/3", "orders/4", "inventory/1", "inventory/2"]
    assert rows["orders/1"].split()[1:5] == ["failed", str(ORDER), "orders.create-order.v2", "5"]
    assert rows["orders/1"].endswith(r"2       ValueError: no \x1b[31mred\u202e")
    assert rows["orders/2"].split()[1] == "parked"
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--service", "inventory"], ["inventory/1", "inventory/2"]),
        (["--topic", "inventory.commands"], ["inventory/1"]),
        (["--type", "get-order"], ["orders/4"]),
        (["--key", "tea"], ["inventory/2"]),
        (["--error", "valueERROR"], ["orders/1", "inventory/2"]),
        (["--state", "parked"], ["orders/2", "orders/3"]),
        (["--state", "parked", "--service", "inventory"], []),
        (["--since", "1h", "--key", "tea"], ["inventory/2"]),
        (["--before", "1h"], []),
        (["--since", "2999-01-01"], []),
        (["orders/4", "inventory/2"], ["orders/4", "inventory/2"]),
    ],
    ids=str,
)
def test_filters_choose_what_has_all_of_it_in_common(run: Run, filters: list[str], found: list[str]) -> None:
    assert listed(run, *filters) == found


def test_of_many_the_first_are_listed_and_all_are_counted(run: Run) -> None:
    _, out, _ = run("list", "--limit", "5")
    assert len(out.splitlines()) == 7
    assert out.splitlines()[-1].startswith("5 of 6 dead letters")
    assert run("list", "--key", "nothing")[1] == "no dead letters\n"


def test_one_is_shown_with_all_that_is_known_of_it(run: Run) -> None:
    _, out, _ = run("show", "orders/1")
    for fact in (
        "orders-1",
        "orders.create-order.v2",
        "firstFailedAt",
        '  "customerId": "ann"',
        r"ValueError: no \x1b",
    ):
        assert fact in out
    _, out, _ = run("show", "orders/1", "--json")
    shown = json.loads(out)
    assert shown["payload"]["data"] == {
        "orderId": str(ORDER),
        "customerId": "ann",
        "lines": [{"productId": "tea", "quantity": 1}],
    }
    assert (shown["attempts"], shown["behind"], shown["partition"]) == (5, 2, 0)


def test_bytes_that_are_no_message_are_shown_escaped(run: Run) -> None:
    assert run("show", "inventory/1")[1].endswith("\n\\xff{\\x1b\n")
    assert json.loads(run("show", "inventory/1", "--json")[1])["payloadBase64"] == "/3sb"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "12"], 2, "'12' is no id of a dead letter: it should be like orders/12"),
        (["show", "gateway/1"], 2, "'gateway/1' is no id of a dead letter"),
        (["show", "orders/99999999999999999999"], 2, "'orders/99999999999999999999' is no id"),
        (["show", "orders/99"], 1, "there is no dead letter orders/99"),
        (["retry", "orders/1", "orders/98", "inventory/99"], 1, "there is no dead letter inventory/99, orders/98"),
        (["retry"], 2, "name ids, choose by filters, or give --all"),
        (["drop", "--all", "--key", "a"], 2, "name ids, choose by filters, or give --all"),
        (["drop", "orders/1", "--key", "a"], 2, "ids and filters at once"),
        (["drop", "--key", "nothing", "--yes"], 1, "no dead letter is like that"),
        (["retry", "--error", "nothing"], 1, "no dead letter is like that"),
        (["list", "--since", "soon"], 2, "'soon' is no moment: it should be like 30m, 2h"),
        (["list", "--since", "999999d"], 2, "'999999d' is no moment"),
        (["edit", "orders/1", "--set", "customerId"], 2, "--set 'customerId' should be like customerId="),
        (["edit", "orders/1", "--set", "a=b", "--data", "{}"], 2, "--data and --set at once"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_what_names_nothing_is_told_in_one_line(run: Run, arguments: list[str], code: int, said: str) -> None:
    ended, out, errors = run(*arguments)
    assert (ended, out) == (code, "")
    assert errors.startswith(f"onhand: {said}")
    assert errors.count("\n") == 1
