"""Puts what a peer needs below `.bench/`, once: nothing of it is among our own requirements."""

import hashlib
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from onhand.common.errors import OnhandError

HERE = Path(__file__).parent
_PLACE = HERE.parents[1] / ".bench"
_LONGEST_LINE = 300
_TOLD = ("fastapi", "faststream", "sqlalchemy", "asyncpg", "uvicorn", "redis")


class NotInstalled(OnhandError):
    """What a peer needs could not be had."""


def python() -> Path:
    """Return the Python whose packages are those of `fastapi/requirements.txt`, hashes checked.

    Raises:
        NotInstalled: pip failed.
    """
    requirements = HERE / "fastapi" / "requirements.txt"

    def install(directory: Path) -> None:
        venv.create(directory, with_pip=True)
        pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", str(requirements)], directory)

    return _installed("fastapi", [requirements], sys.version, install) / "bin" / "python"


def nestjs() -> Path:
    """Return the directory of the compiled programs of `nestjs/`, its packages beside them, hashes checked.

    Raises:
        NotInstalled: npm or the compiler failed.
    """
    package = HERE / "nestjs"
    sources = [package / "package.json", package / "package-lock.json", package / "tsconfig.json"]
    sources += sorted((package / "src").rglob("*.ts"))

    def install(directory: Path) -> None:
        for source in sources:
            place = directory / source.relative_to(package)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)
        _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], directory)
        _run(["node", "node_modules/typescript/bin/tsc"], directory)

    return _installed("nestjs", sources, "", install) / "dist"


def versions() -> dict[str, str]:
    """What the peers are made of, as the files that pin it say."""
    pinned = dict(re.findall(r"^([\w-]+)==([\w.]+)", (HERE / "fastapi" / "requirements.txt").read_text(), re.MULTILINE))
    nestjs = msgspec.json.decode((HERE / "nestjs" / "package.json").read_bytes())["dependencies"]
    return {
        "fastapi": ", ".join(f"{name} {pinned[name]}" for name in _TOLD),
        "nestjs": ", ".join(f"{name} {version}" for name, version in nestjs.items()),
    }


def _installed(name: str, sources: Iterable[Path], besides: str, install: Callable[[Path], None]) -> Path:
    """Install into an empty directory if that was not done to its end from just these sources."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources) + besides.encode()).hexdigest()
    directory = _PLACE / name
    stamp = directory / "installed"
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        install(directory)
        stamp.write_text(digest)
    return directory


def _run(command: list[str], directory: Path) -> None:
    try:
        subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or getattr(error, "stdout", "") or str(error)).strip()
        raise NotInstalled(f"`{' '.join(command[:4])} ...` failed: {said.splitlines()[-1][:_LONGEST_LINE]}") from None
