"""What lies on a stream, message by message."""

from redis import Redis

_ENTRIES = "return redis.call('XRANGE', KEYS[1], ARGV[1], '+')"


def payloads(redis: Redis, key: bytes | str, after: bytes | None = None) -> list[bytes]:
    """All messages of a stream, or those of the entries after one. redis-py's own `xrange` tells one of each entry."""
    entries = redis.eval(_ENTRIES, 1, key, b"-" if after is None else b"(" + after)
    return [payload for _, fields in entries for payload in fields[1::2]]
