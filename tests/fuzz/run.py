"""One run of schemathesis against a gateway."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PHASES = "examples,coverage,fuzzing,stateful"
_NOT_LOOKED_AT = {
    "positive_data_acceptance": "a document cannot say that a key was used before or that 5.0 is no whole number here",
    "ensure_resource_availability": "an order for nothing that is there is rejected, and is still an order",
    "use_after_free": "a reservation that is released can still be looked at",
    "negative_data_rejection": "items of batches are refused one by one, so `wrong_data_is_refused` stands in for it",
}
ENDLESS = "/api/gateway/events"
"""Its answer goes on for as long as it is read. tests/e2e/test_openapi.py holds it against the document."""
_HOOKS = Path(__file__).with_name("hooks.py")
_CASES = re.compile(r"^\s*(\d+) generated", re.MULTILINE)


class Verdict(NamedTuple):
    """What a run found.

    Attributes:
        is_clean: whether every answer was one that the document describes, and none was a 5xx.
        cases: requests that were made up.
        report: what schemathesis prints, with a command to send again what failed.
    """

    is_clean: bool
    cases: int
    report: str


def run_schemathesis(gateway_url: str, directory: Path, *options: str) -> Verdict:
    """Make up requests and look at all answers.

    Args:
        gateway_url: of a gateway whose data may be changed.
        directory: where it may leave files.
        options: of `schemathesis run`.
    """
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{gateway_url}/api/gateway/openapi.json",
        "--no-color",
        "--continue-on-failure",
        f"--phases={PHASES}",
        f"--exclude-checks={','.join(_NOT_LOOKED_AT)}",
        f"--exclude-path={ENDLESS}",
        "--warnings=off",
        *options,
    ]
    ended = subprocess.run(  # options of our own
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "SCHEMATHESIS_HOOKS": str(_HOOKS)},
    )
    found = _CASES.search(ended.stdout)
    return Verdict(
        ended.returncode == 0 and found is not None, int(found[1]) if found else 0, ended.stdout + ended.stderr
    )
