"""`.env.example` is where a newcomer looks settings up, so it may neither miss one nor tell a wrong default."""

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from onhand.common.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
SETTINGS = {name.upper() for name in Settings.model_fields}


def test_it_names_every_setting_and_what_compose_takes_from_it_and_no_more() -> None:
    taken_by_compose = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert set(dotenv_values(EXAMPLE)) == SETTINGS | taken_by_compose


def test_its_values_are_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # away from a developer's own .env
    for name, value in dotenv_values(EXAMPLE).items():
        monkeypatch.setenv(name, value or "")
    assert Settings().model_dump() == Settings.model_construct().model_dump()
