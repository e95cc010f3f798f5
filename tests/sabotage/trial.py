"""Runs tests on a copy of the sources and reads what came of them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from msgspec import Struct, field

from tests.sabotage.breakage import Breakage, copied

Verdict = Literal["noticed", "unnoticed", "otherwise"]
Failures = dict[str, list[str]]
"""For each test that was run, the texts of its failures; none if it passed, whatever its parameters were."""

_LONGEST_TEST_SECONDS = 60
_END_SECONDS = 30.0
_LONGEST_REASON = 4000


class CannotTry(Exception):
    """The tests do not pass on the code as it is, or could not be run at all."""


class Result(Struct, frozen=True, rename="camel"):
    """What came of one breakage.

    Attributes:
        verdict: `otherwise`: tests failed, but not as they should.
        reasons: for each test that did not fail as it should, why it did, or that it passed.
    """

    name: str
    sentence: str
    promise: str
    verdict: Verdict
    tests: tuple[str, ...]
    seconds: float
    reasons: list[str] = field(default_factory=list)


def check_unbroken(breakages: Sequence[Breakage], root: Path) -> None:
    """Run all tests that the breakages name on the code as it is.

    Raises:
        CannotTry: they do not all pass.
    """
    tests = list(dict.fromkeys(test for it in breakages for test in it.tests))
    with copied(root) as copy:
        failures = run_tests(tests, copy)
    if failed := [test for test in tests if failures[test]]:
        raise CannotTry(f"fails although nothing is broken: {', '.join(failed)}: {failures[failed[0]][0]}")


def attempt(breakage: Breakage, root: Path) -> Result:
    """Break a copy of the sources, and see whether the tests that should notice do.

    Raises:
        OutOfDate: the code is not what the breakage takes it for.
        CannotTry: the tests could not be run.
    """
    began = time.monotonic()
    with copied(root) as copy:
        breakage.apply(copy)
        failures = run_tests(breakage.tests, copy)
    verdict, reasons = judge(breakage, failures)
    return Result(
        breakage.name,
        breakage.sentence,
        breakage.promise,
        verdict,
        breakage.tests,
        time.monotonic() - began,
        reasons,
    )


def judge(breakage: Breakage, failures: Failures) -> tuple[Verdict, list[str]]:
    """Whether every test failed, and for the reason that was meant; and if not, what each did instead."""
    passed = [f"{test} passes" for test in breakage.tests if not failures[test]]
    if passed:
        return "unnoticed", passed
    others = [
        f"{test} fails without saying {breakage.says!r}: {failures[test][0][-_LONGEST_REASON:]}"
        for test in breakage.tests
        if not any(breakage.says in text for text in failures[test])
    ]
    return ("otherwise", others) if others else ("noticed", [])


def run_tests(tests: Sequence[str], copy: Path) -> Failures:
    """Run tests on the sources below a directory, which come before those that are installed.

    Raises:
        CannotTry: pytest did not get as far as running each of them.
    """
    with tempfile.TemporaryDirectory(prefix="onhand-sabotage-") as name:
        report = Path(name) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--timeout={_LONGEST_TEST_SECONDS}"]
        said = _run([*command, f"--junitxml={report}", *tests], copy)
        failures = _read(report, tests) if report.exists() else {}
    if missing := [test for test in tests if test not in failures]:
        raise CannotTry(f"pytest did not run {', '.join(missing)}: {said[-_LONGEST_REASON:]}")
    return failures


def _run(command: Sequence[str], copy: Path) -> str:
    """Run pytest to its end, also when we are told to stop: it has servers to stop."""
    paths = [str(path) for path in sorted(copy.glob("*/*/src"))]
    # No bytecode: a file that is changed within a second, to the same length, would be taken for what it was.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that Ctrl-C is told to it once, by us
    ) as process:
        try:
            return process.communicate()[0]
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _read(report: Path, tests: Sequence[str]) -> Failures:
    """Read pytest's report. What is no failure of the test itself, such as an error of a fixture, is none here."""
    names = {(_class_name(test), test.rpartition("::")[2]): test for test in tests}
    failures: Failures = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  # pytest wrote it just now
        test = names.get((case.get("classname", ""), case.get("name", "").partition("[")[0]))
        if test is not None:
            texts = [f"{it.get('message')}\n{it.text}" for it in case.findall("failure")]
            failures.setdefault(test, []).extend(texts)
    return failures


def _class_name(test: str) -> str:
    return test.partition("::")[0].removesuffix(".py").replace("/", ".")
