"""Open files: each connection of a load is one, here and in what is loaded."""

import resource


def allow_many() -> None:
    """Allow this process, and what it starts from now on, as many as it may have: often it is 1024 unless one asks."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
