"""What tests of benchmarks need that is not installed everywhere."""

import os

import pytest

from benchmarks.load import wrk

needs_wrk = pytest.mark.skipif(wrk() is None and "CI" not in os.environ, reason="no wrk here (Debian: wrk); CI has it")
"""wrk comes with Debian and not from PyPI, so a laptop may lack it. CI installs it: there the test runs, or fails."""
