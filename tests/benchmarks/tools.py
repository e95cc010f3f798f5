"""What tests of benchmarks need that is not installed everywhere."""

import os

import pytest

from benchmarks.load import wrk

_WITHOUT_WRK = "wrk is not there: install it, as CI does (Debian: wrk)"
needs_wrk = pytest.mark.skipif(wrk() is None and "CI" not in os.environ, reason=_WITHOUT_WRK)
"""wrk comes with Debian and not from PyPI, so a laptop may lack it. CI installs it: there the test runs, or fails."""
