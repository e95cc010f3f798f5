from pathlib import Path

import pytest

from onhand.cli.local import EmbeddedServers
from onhand.cli.migrations import migrate, with_sslmode
from onhand.cli.postgres import accepts_connections
from onhand.common.errors import StartupError


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages that may be found but not run, each with its first migration."""
    for package, table in (("shared_part", "outbox"), ("one_service", "orders")):
        migrations = tmp_path / package / "migrations"
        migrations.mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("raise AssertionError('imported')")
        (migrations / f"0001_{table}.sql").write_text(
            f"-- migrate:up\nCREATE TABLE {table} (id int);\n-- migrate:down\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_migrating_makes_the_database_and_applies_each_file_once(embedded: EmbeddedServers, packages: Path) -> None:
    assert packages.is_dir()
    url = embedded.postgres_url("made")
    assert migrate(url, ["shared_part", "one_service"]) == ["0001_outbox.sql", "0001_orders.sql"]
    assert migrate(url, ["shared_part", "one_service"]) == []
    assert accepts_connections(url)


def test_a_migration_that_fails_is_told_in_one_line_and_is_not_half_applied(
    embedded: EmbeddedServers, packages: Path
) -> None:
    url = embedded.postgres_url("not_half_applied")
    broken = packages / "one_service" / "migrations" / "0002_broken.sql"
    broken.write_text("-- migrate:up\nCREATE TABLE lines (id int);\nCREATE TABLE orders (id int);\n-- migrate:down\n")
    with pytest.raises(StartupError, match=r'^migrating the database of one_service failed: .*"orders" already exists'):
        migrate(url, ["one_service"])
    broken.write_text("-- migrate:up\nCREATE TABLE lines (id int);\n-- migrate:down\n")
    assert migrate(url, ["one_service"]) == ["0002_broken.sql"]


def test_a_package_that_is_not_installed_is_told_in_one_line() -> None:
    with pytest.raises(
        StartupError,
        match=r"^the package no_such_package is not installed: install it, or name its place in PYTHONPATH$",
    ):
        migrate("postgresql://localhost/orders", ["no_such_package"])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me@localhost/orders", "postgresql://me@localhost/orders?sslmode=disable"),
        ("postgresql:///orders", "postgresql:///orders?sslmode=disable"),
        ("postgresql://me@[::1]/orders", "postgresql://me@[::1]/orders?sslmode=disable"),
        ("postgresql://me@/orders?host=/run", "postgresql://me@/orders?host=/run&sslmode=disable"),
        ("postgresql://me@localhost/orders?sslmode=require", "postgresql://me@localhost/orders?sslmode=require"),
        ("postgresql://me@db.example/orders", "postgresql://me@db.example/orders"),
    ],
)
def test_tls_is_asked_for_everywhere_but_on_this_machine(url: str, expected: str) -> None:
    assert with_sslmode(url) == expected
