from pathlib import Path

import pytest

from onhand.common.errors import SettingsError
from onhand.common.settings import Port, Settings, database_urls, load, load_settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_any_setting_everything_listens_on_loopback_and_no_server_is_named() -> None:
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert (settings.gateway_port, settings.orders_port, settings.inventory_port) == (3000, 3001, 3002)
    assert settings.redis_url == settings.orders_database_url == settings.inventory_database_url == ""


def test_the_environment_comes_before_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("GATEWAY_PORT=4000\nORDERS_PORT=4001\n")
    monkeypatch.setenv("GATEWAY_PORT", "5000")
    settings = load_settings()
    assert (settings.gateway_port, settings.orders_port) == (5000, 4001)


def test_an_empty_variable_is_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "")
    assert load_settings().gateway_port == 3000


class ToySettings(Settings):
    """A service's own."""

    toy_port: Port = 3009


def test_a_service_may_have_settings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("GATEWAY_PORT=4000\nTOY_PORT=4009\n")
    settings = load(ToySettings)
    assert (settings.gateway_port, settings.toy_port) == (4000, 4009)
    monkeypatch.setenv("TOY_PORT", "x")
    with pytest.raises(SettingsError, match=r"^TOY_PORT: "):
        load(ToySettings)


def test_the_databases_of_other_services_are_set_like_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("TOY_DATABASE_URL=postgresql://localhost/toys\n")
    assert database_urls(["toy", "other"]) == {"toy": "postgresql://localhost/toys", "other": ""}
    monkeypatch.setenv("OTHER_DATABASE_URL", "mysql://localhost/other")
    with pytest.raises(SettingsError, match=r"^OTHER_DATABASE_URL: "):
        database_urls(["toy", "other"])
    monkeypatch.setenv("ONHAND_SERVICES", "toy,other,toy")
    assert load_settings().other_services == ["toy", "other"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "abc"),
        ("GATEWAY_PORT", "0"),
        ("ORDERS_PORT", "65536"),
        ("APP_ENV", "prod"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "redis://localhost:port"),
        ("ORDERS_DATABASE_URL", "mysql://localhost/orders"),
        ("ONHAND_REPLICA", "a b"),
        ("REPLY_TIMEOUT_SECONDS", "-1"),
        ("ONHAND_SERVICES", "Notifications"),
        ("ONHAND_SERVICES", "a,,b"),
        ("ONHAND_SERVICES", "notifications,orders"),
    ],
)
def test_a_bad_setting_is_told_in_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(f"{name}: ")
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    "url", ["mysql://me:secret@localhost/orders", "postgresql://me:secret", "postgresql://a:b:secret"]
)
def test_a_bad_url_is_not_repeated_because_it_may_hold_a_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ORDERS_DATABASE_URL", url)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "secret" not in str(raised.value)


def test_failpoints_are_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONHAND_FAILPOINTS", "orders.after_commit, gateway.before_append")
    load_settings()
    monkeypatch.setenv("APP_ENV", "production")
    with pytest.raises(SettingsError, match=r"^ONHAND_FAILPOINTS: is for tests and not for production\. Mend it"):
        load_settings()


def test_a_failpoint_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONHAND_FAILPOINTS", "orders.after_commit,orders.after_lunch")
    with pytest.raises(SettingsError, match=r"^ONHAND_FAILPOINTS: there is no orders.after_lunch\. Mend it"):
        load_settings()


@pytest.mark.parametrize("url", ["redis+cluster://a:1,b:2", "rediss+cluster://me:secret@a:1"])
def test_a_cluster_is_named_by_some_of_its_servers(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert load_settings().redis_url == url


def test_each_server_of_a_cluster_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis+cluster://a:1,b:secret")
    with pytest.raises(SettingsError, match=r"^REDIS_URL: should have a number") as raised:
        load_settings()
    assert "secret" not in str(raised.value)
