import resource

from benchmarks import files


def test_a_load_may_have_as_many_connections_as_the_system_lets_it() -> None:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, allowed[1]))
        files.allow_many()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == allowed[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)
