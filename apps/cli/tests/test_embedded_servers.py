import os
import socket
import stat
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from onhand.cli.home import make_home
from onhand.cli.local import EmbeddedServers, embedded_servers
from onhand.cli.postgres import binary
from onhand.common.errors import StartupError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL changes its account only under root")


def redis_says(url: str, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(unquote(urlsplit(url).path))
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(1024).decode().strip()


def sql(servers: EmbeddedServers, query: str) -> str:
    command = [binary("psql"), "-XAtqc", query, servers.postgres_url("postgres")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_data_in_the_embedded_servers_survives_a_restart(home: Path) -> None:
    with embedded_servers(home) as servers:
        assert redis_says(servers.redis_url, "SET stock 7") == "+OK"
        sql(servers, "CREATE TABLE stock AS SELECT 7 AS on_hand")
    with embedded_servers(home) as servers:
        assert redis_says(servers.redis_url, "GET stock") == "$1\r\n7"
        assert sql(servers, "SELECT on_hand FROM stock") == "7"


def test_the_embedded_servers_promise_that_a_commit_is_on_disk_and_refuse_to_evict(embedded: EmbeddedServers) -> None:
    assert sql(embedded, "SHOW fsync") == "on"
    assert sql(embedded, "SHOW synchronous_commit") == "on"
    assert redis_says(embedded.redis_url, "CONFIG GET appendonly").endswith("yes")
    assert redis_says(embedded.redis_url, "CONFIG GET maxmemory-policy").endswith("noeviction")


def test_the_embedded_servers_listen_on_private_sockets_and_on_no_port(embedded: EmbeddedServers) -> None:
    assert sql(embedded, "SHOW listen_addresses") == ""
    assert redis_says(embedded.redis_url, "CONFIG GET port").endswith("\r\n0")
    for program in (embedded.redis(), embedded.postgres()):
        socket_path = Path(program.address.removeprefix("unix:"))
        assert stat.S_IMODE(socket_path.parent.stat().st_mode) == 0o700


def test_the_environment_does_not_change_the_port_of_the_embedded_postgres(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6000")
    with embedded_servers(home) as servers:
        assert sql(servers, "SHOW port") == "5432"


def test_a_home_that_is_too_deep_for_a_socket_still_works(home: Path) -> None:
    deep = home / ("with a space and a % " * 6)
    with embedded_servers(deep) as servers:
        assert redis_says(servers.redis_url, "PING") == "+PONG"
        assert sql(servers, "SELECT 1") == "1"
        sockets = Path(urlsplit(servers.redis_url).path).parent
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert not sockets.exists()


def test_a_half_made_cluster_is_made_anew(home: Path) -> None:
    unfinished = make_home(home) / "postgres" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    with embedded_servers(home) as servers:
        assert sql(servers, "SELECT 1") == "1"
    assert not unfinished.exists()


def test_a_server_that_cannot_start_is_named_with_its_last_line(home: Path) -> None:
    with embedded_servers(home):
        pass
    (home / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    with (
        pytest.raises(StartupError, match=r"^postgres ended with exit code 1 before it was ready: .*version 9"),
        embedded_servers(home),
    ):
        pass
    assert not (home / "redis" / "valkey.sock").exists()


def test_a_directory_of_somebody_else_is_not_taken_for_a_home(home: Path) -> None:
    (home / "postgres").mkdir(parents=True)
    with pytest.raises(StartupError, match="postgres, which onhand did not make"):
        make_home(home)


def test_a_home_that_cannot_be_made_is_told_in_one_line(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(StartupError, match=r"^ONHAND_HOME .* cannot be used: .*\. Set it to another place$"):
        make_home(home)


@as_root
def test_postgres_under_root_runs_as_nobody_and_opens_closed_parents_with_one_warning(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    said: list[str] = []
    servers = EmbeddedServers(make_home(closed / "home"))
    servers.postgres().prepare(said.append)
    servers.postgres().prepare(said.append)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert (closed / "home" / "postgres" / "data").owner() == "nobody"
    assert len(said) == 1
    assert str(closed) in said[0]
    assert "ORDERS_DATABASE_URL" in said[0]
