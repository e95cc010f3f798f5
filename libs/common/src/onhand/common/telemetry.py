"""Structured logs: readable lines in development, JSON in production."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping

import prometheus_client
import structlog
from structlog.typing import Processor

from onhand.common.errors import in_words
from onhand.common.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Send the logs of this process, and of its libraries, to standard output."""
    production = settings.app_env == "production"
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if production else "%H:%M:%S", utc=production),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer() if production else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # it tells with a traceback what we tell in a line
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        cache_logger_on_first_use=True,
    )


class Trouble:
    """Logs when something begins to fail and when it works again, not every attempt in between.

    Args:
        event: what to log while it fails.
        context: to log along.

    Attributes:
        reason: why it failed the last time; empty while it works.
    """

    def __init__(self, event: str, **context: object) -> None:
        self._event = event
        self._log = structlog.get_logger().bind(**context)
        self.reason = ""

    def is_there(self, error: Exception) -> None:
        """Note a failure; log it if it is not the last one again."""
        reason = in_words(error)
        if reason != self.reason:
            self._log.warning(self._event, error=reason)
            self.reason = reason

    def is_over(self) -> None:
        """Note a success."""
        if self.reason:
            self._log.info(f"{self._event} no more")
            self.reason = ""


class Tally:
    """Counts what happens and logs the counts at most once a second, so that a log stays readable under load.

    Args:
        event: what to log.
        metrics: by name, where it is counted as well, if it is.
    """

    def __init__(self, event: str, metrics: Mapping[str, prometheus_client.Counter] | None = None) -> None:
        self._event = event
        self._metrics = metrics or {}
        self._counts: Counter[str] = Counter()
        self._logged_at = time.monotonic()
        self._log = structlog.get_logger()

    def add(self, name: str, count: int) -> None:
        """Count `count` more of `name`; log if the last line is a second old."""
        self._counts[name] += count
        if name in self._metrics:
            self._metrics[name].inc(count)
        if time.monotonic() - self._logged_at >= 1:
            self.flush()

    def flush(self) -> None:
        """Log what has been counted since the last line, if anything."""
        if self._counts:
            self._log.info(self._event, **self._counts)
            self._counts.clear()
        self._logged_at = time.monotonic()
