"""Where an installed package's files are, found without running its code."""

from importlib.util import find_spec
from pathlib import Path

from onhand.common.errors import StartupError


def package_directory(name: str) -> Path:
    """Return the directory of an installed package.

    Raises:
        StartupError: it is not installed.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        mend = "run `make setup`" if name.startswith("onhand.") else "install it, or name its place in PYTHONPATH"
        raise StartupError(f"the package {name} is not installed: {mend}")
    return Path(spec.submodule_search_locations[0])


def package_of(service: str) -> str:
    """The package of a service: one of ours, or one of that name."""
    return f"onhand.{service}" if find_spec(f"onhand.{service}") else service
