"""What several tests of Orders need."""

import pytest

from onhand.orders.queries import feed, recent_feed
from onhand.orders.queries.walk import MOST_WALKED


@pytest.fixture
def short_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of the feed looks at four entries and no more."""
    monkeypatch.setattr(feed, "_ALONG", feed._ALONG.replace(str(MOST_WALKED), "4"))  # noqa: SLF001
    monkeypatch.setattr(feed, "_LAST_WALKED", feed._LAST_WALKED.replace(str(MOST_WALKED - 1), "3"))  # noqa: SLF001
    monkeypatch.setattr(recent_feed, "_TURNS", recent_feed._TURNS.replace(str(MOST_WALKED), "4"))  # noqa: SLF001
    monkeypatch.setattr(recent_feed, "MOST_WALKED", 4)
