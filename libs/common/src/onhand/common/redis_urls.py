"""How a URL names the servers of Redis."""

CLUSTER = "+cluster"


def servers_in(url: str) -> list[str]:
    """The URL of each server that a URL names: more than one only for a cluster.

    `redis+cluster://me:secret@a:1,b:2` names `redis://me:secret@a:1` and `redis://me:secret@b:2`.
    """
    scheme, separator, rest = url.partition("://")
    if not scheme.endswith(CLUSTER):
        return [url]
    place, slash, path = rest.partition("/")
    credentials, at, hosts = place.rpartition("@")
    plain = scheme.removesuffix(CLUSTER)
    return [f"{plain}{separator}{credentials}{at}{host}{slash}{path}" for host in hosts.split(",")]
