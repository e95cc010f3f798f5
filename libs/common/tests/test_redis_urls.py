import pytest

from onhand.common.redis_urls import servers_in


@pytest.mark.parametrize("url", ["redis://:secret@host:6379/0", "unix:///run/redis.sock", "rediss://host"])
def test_a_url_of_one_server_names_itself(url: str) -> None:
    assert servers_in(url) == [url]


def test_a_url_of_a_cluster_names_its_servers_each_with_the_credentials() -> None:
    assert servers_in("rediss+cluster://me:a@b@one:1,two:2/") == [
        "rediss://me:a@b@one:1/",
        "rediss://me:a@b@two:2/",
    ]
