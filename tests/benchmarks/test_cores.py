"""Cores of its own for the load."""

import os

import pytest

from benchmarks.cores import apart
from onhand.common.errors import OnhandError


def test_the_load_has_the_last_core_and_the_system_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 2, 3})
    cores = apart()
    assert (set(cores.system), set(cores.load)) == ({2, 3}, {5})
    assert str(cores) == "system on cores 2, 3, load generator on core 5"


def test_where_there_is_one_core_the_load_can_have_none_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with pytest.raises(OnhandError, match="only one"):
        apart()
