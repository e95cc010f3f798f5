"""An image installs `apps/NAME/requirements.txt`: a part of the root's, with the same versions and hashes."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = sorted(path.parent for path in ROOT.glob("apps/*/Dockerfile"))


def requirements(file: Path) -> dict[str, str]:
    """Return the requirements of a lock file by name of package, each with its version, marker and hashes."""
    joined = re.sub(r"#.*\n", "", file.read_text()).replace("\\\n", "")
    return {re.split(r"[=\[]", line)[0]: line for line in joined.splitlines()}


def dependencies(member: Path) -> set[str]:
    """Return the packages from elsewhere that a member of the workspace names."""
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[<>=]", dependency)[0] for dependency in project["dependencies"]}
    return {name for name in names if not name.startswith("onhand-")}


@pytest.mark.parametrize("app", IMAGES, ids=lambda app: app.name)
def test_an_image_installs_what_was_tested(app: Path) -> None:
    assert requirements(app / "requirements.txt").items() <= requirements(ROOT / "requirements.txt").items()


@pytest.mark.parametrize("app", IMAGES, ids=lambda app: app.name)
def test_an_image_installs_what_its_code_depends_on(app: Path) -> None:
    needed = dependencies(app) | dependencies(ROOT / "libs/common")
    assert needed <= requirements(app / "requirements.txt").keys()
