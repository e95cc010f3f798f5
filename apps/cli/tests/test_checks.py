import socket

import pytest
import redis

from onhand.cli import checks
from onhand.cli.checks import check_ports, check_servers
from onhand.common.errors import StartupError


@pytest.mark.parametrize(
    ("setting", "url", "where"),
    [
        ("REDIS_URL", "redis://me:secret@127.0.0.1:1/0", "127.0.0.1:1/0"),
        ("REDIS_URL", "redis://me:secret@127.0.0.1:many", "127.0.0.1:many"),
        ("REDIS_URL", "redis://me:sec?ret@127.0.0.1:1", "the address it names"),
        ("REDIS_URL", "unix:///no/such/socket", "/no/such/socket"),
        ("ORDERS_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/orders", "127.0.0.1:1/orders"),
        ("ORDERS_DATABASE_URL", "postgresql:///orders?host=/no/such&password=secret", "/no/such/orders"),
        ("INVENTORY_DATABASE_URL", "postgresql://me@127.0.0.1:1/stock?password=a@secret", "the address it names"),
    ],
)
def test_a_server_that_is_away_is_told_in_one_line_without_its_password(setting: str, url: str, where: str) -> None:
    with pytest.raises(StartupError) as error:
        check_servers({setting: url})
    assert str(error.value).startswith(f"{setting}: no ")
    assert "secret" not in str(error.value)
    assert f" answers at {where}: start it, mend {setting}, or leave it unset to use the embedded " in str(error.value)


def test_a_server_that_listens_is_not_complained_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_GREETING_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check_servers({"REDIS_URL": f"redis://127.0.0.1:{listener.getsockname()[1]}"})


def test_a_redis_that_does_not_let_us_in_is_told_in_one_line_without_its_password(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.acl_setuser("clerk", enabled=True, passwords=["+right"], categories=["+@all"], channels=["*"])
        try:
            check_servers({"REDIS_URL": redis_url.replace("://", "://clerk:right@")})
            with pytest.raises(StartupError, match=r"invalid username-password pair .* mend REDIS_URL$") as error:
                check_servers({"REDIS_URL": redis_url.replace("://", "://clerk:secret@")})
        finally:
            client.acl_deluser("clerk")
    assert "secret" not in str(error.value)


def test_one_port_for_two_services_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    message = rf"^port {port} is set for both gateway and orders: set ORDERS_PORT to another$"
    with pytest.raises(StartupError, match=message):
        check_ports({"gateway": ("127.0.0.1", port), "orders": ("127.0.0.1", port)})


def test_an_address_that_cannot_be_listened_on_is_told_in_one_line() -> None:
    message = r"^gateway cannot listen on 192\.0\.2\.1:3000: .*\. Set HOST or GATEWAY_PORT$"
    with pytest.raises(StartupError, match=message):
        check_ports({"gateway": ("192.0.2.1", 3000)})
