"""`onhand dlq edit`, on the databases of both services."""

import json
import threading
from pathlib import Path
from uuid import UUID

import pytest

from onhand.common.messaging.envelope import decode
from tests.dlq.conftest import Run
from tests.dlq.letters import ORDER, Databases


def test_edit_changes_a_field_and_nothing_else(run: Run, databases: Databases) -> None:
    before = decode(databases.payload("orders"))
    lines = [{"productId": "123", "quantity": 3}]
    code, out, _ = run("edit", "orders/1", "--set", "reference=123", "--set", f"lines={json.dumps(lines)}")
    assert code == 0
    assert out.endswith("orders/1 is edited\n")
    after = decode(databases.payload("orders"))
    assert json.loads(bytes(after.data)) == json.loads(bytes(before.data)) | {"reference": "123", "lines": lines}
    assert (after.id, after.time, after.subject) == (before.id, before.time, before.subject)


def test_edit_takes_all_of_the_data(run: Run, databases: Databases) -> None:
    data = {"movementId": str(ORDER), "productId": "tea", "onHand": 9}
    _, out, _ = run("edit", "inventory/2", "--data", json.dumps(data), "--json")
    assert json.loads(out)["data"] == data
    assert json.loads(out) == json.loads(databases.payload("inventory", 2))


def test_edit_opens_an_editor_and_asks_again_if_it_makes_no_sense(
    run: Run, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_editor(old: str, new: str) -> None:
        monkeypatch.setenv("EDITOR", f"sed -i s/{old}/{new}/")

    set_editor("ann", "bob")
    assert run("edit", "orders/1")[0] == 0
    assert b'"customerId":"bob"' in databases.payload("orders")
    set_editor("1$", "0")
    code, out, errors = run("edit", "orders/1")  # nobody is there to answer
    assert (code, out) == (1, "Edit it again? [Y/n]: ")
    assert "Expected `int` >= 1" in errors
    set_editor("nothing", "like")
    assert run("edit", "orders/1")[::2] == (1, "onhand: nothing was changed\n")
    monkeypatch.setenv("EDITOR", "false")
    assert run("edit", "orders/1")[2].startswith("onhand: the editor (false) failed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["orders/1", "--set", "lines=[]"], "that is no CreateOrder: Expected `array` of length >= 1 - at `$.lines`"),
        (["orders/1", "--set", "polcy=x"], "CreateOrder has no field polcy: it has orderId, customerId,"),
        (["orders/1", "--set", "orderId=0"], "that is no CreateOrder: Invalid UUID"),
        (["orders/1", "--set", f"orderId={UUID(int=8)}"], f"orderId has to stay '{ORDER}': it is what the message is"),
        (["orders/1", "--data", "{"], "that is no JSON object: Input data was truncated"),
        (["orders/1", "--data", "[]"], "that is no JSON object: Expected `object`, got `array`"),
        (["orders/1", "--data", "{}"], "that is no CreateOrder: Object missing required field `orderId`"),
        (["inventory/1", "--data", "{}"], "it is no message (JSON is malformed"),
    ],
)
def test_an_edit_that_makes_no_sense_is_told_in_one_line_and_changes_nothing(
    run: Run, filled: Databases, arguments: list[str], said: str
) -> None:
    before = filled.payload(arguments[0].partition("/")[0])
    code, out, errors = run("edit", *arguments)
    assert (code, out) == (1, "")
    assert errors.startswith(f"onhand: {said}")
    assert errors.count("\n") == 1
    assert filled.payload(arguments[0].partition("/")[0]) == before


def test_an_edit_of_what_somebody_else_has_edited_meanwhile_is_refused(
    run: Run, databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i s/ann/bob/ $1\ntouch $0.opened\nwhile [ ! -e $0.done ]; do sleep 0.01; done\n")
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))

    def edit() -> None:
        while not (tmp_path / "editor.opened").exists():
            pass
        databases.change("orders", "UPDATE dead_letters SET payload = 'other' WHERE id = 1")
        (tmp_path / "editor.done").touch()

    thread = threading.Thread(target=edit)
    thread.start()
    code, _, errors = run("edit", "orders/1")
    thread.join()
    assert (code, errors) == (1, "onhand: orders/1 was handled, edited or dropped meanwhile, and is not changed\n")
