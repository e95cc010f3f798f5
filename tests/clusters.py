"""A PostgreSQL cluster for each system that a test starts, copied instead of made: to make one takes a second."""

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from onhand.cli import postgres
from onhand.cli.accounts import account_for_postgres
from onhand.cli.home import make_home
from onhand.cli.sockets import make_private, socket_directory


def give_cluster(home: Path) -> None:
    """Put a new cluster where `onhand start` with this home would make one, if there is none."""
    directory = make_home(home).absolute() / "postgres"
    make_private(directory, account_for_postgres())
    if not (directory / "data").exists():
        copy = directory / "data.copied"
        subprocess.run(["/bin/cp", "-a", _template() / "data", copy], check=True)  # keeps whose they are
        copy.rename(directory / "data")


@cache
def _template() -> Path:
    """Make a cluster as `onhand start` does, once for this process."""
    directory = Path(tempfile.mkdtemp(prefix="onhand-cluster-"))
    for made in {directory, socket_directory(directory, postgres.SOCKET)}:
        atexit.register(shutil.rmtree, made, ignore_errors=True)
    prepare = postgres.program(directory).prepare
    assert prepare is not None
    prepare(lambda _: None)
    return directory
