"""Load on the gateway, by wrk if it is there, else by our own generator; both tell the same."""

import asyncio
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from benchmarks import generator
from benchmarks.requests import Requests
from onhand.common.errors import OnhandError

_WAIT_SECONDS = 10
"""Longer than the gateway waits for a reply."""
_MARK = "onhand-load "
_SCRIPT = f"""
wrk.headers["Content-Type"] = "application/json"
local requests, last = {{}}, 0
function init(args)  -- the requests are made beforehand: what the load costs is taken from the system
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%S+) (%S+) (.*)$")
    requests[#requests + 1] = wrk.format(method, path, nil, body ~= "" and body or nil)
  end
end
function request()
  last = last % #requests + 1
  return requests[last]
end
function done(summary, latency)
  local errors = summary.errors
  local created = summary.requests - errors.status
  local share = summary.requests > 0 and created / summary.requests or 1
  io.write(string.format(
    '{_MARK}{{"answered":%d,"refused":%d,"unanswered":%d,"micros":%d,"p50":%d,"p99":%d}}\\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration, latency:percentile(100 - 50 * share), latency:percentile(100 - share)))
end
"""
_PACE = """
local ffi = require("ffi")
ffi.cdef("typedef struct {{ long seconds, nanoseconds; }} moment; int clock_gettime(int clock, moment *now);")
local moment = ffi.new("moment")
local slot
function delay()  -- of a connection that has had its answer: it takes the next place in the timetable
  ffi.C.clock_gettime(1, moment)
  local now = tonumber(moment.seconds) * 1e3 + tonumber(moment.nanoseconds) / 1e6
  slot = (slot or now) + {milliseconds!r}
  return math.max(0, slot - now)
end
"""


class Load(NamedTuple):
    """What a load generator saw.

    Attributes:
        created: requests answered 201, or 200 if they only asked; for batches, orders in those answered 200.
        refused: requests answered otherwise, or the orders in them.
        unanswered: connections that failed and requests that took longer than the load generator waits, or the orders
            in them.
        p50_ms: half of the 201 came within it. wrk tells one distribution of all answers, so there it is an upper
            bound: as if every refusal had been quicker than every 201. Exact if nothing was refused.
        p99_ms: the same for 99 of 100.
    """

    created: int
    refused: int
    unanswered: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def offered_per_second(self) -> float:
        """Requests that were answered, with whatever."""
        return (self.created + self.refused) / self.seconds


class LoadFailed(OnhandError):
    """The load generator did not tell what it saw."""


class _Told(msgspec.Struct):
    answered: int
    refused: int
    unanswered: int
    micros: int
    p50: int
    p99: int


def name() -> str:
    """The generator that `run` uses, in words for the report."""
    return "wrk" if wrk() else "Python generator; wrk not found: figures are lower"


async def run(url: str, sent: Requests, connections: int, seconds: int, rate: float | None = None) -> Load:
    """Send requests over so many connections for so long.

    Args:
        url: of the gateway.
        sent: what to send.
        connections: at once; each sends one request after the other.
        seconds: how long.
        rate: requests per second over all connections, by a timetable that does not wait for answers: a connection that
            is free takes the next place in it, whatever its last answer was. If all are busy, what they owe is sent as
            soon as one is free. None: each connection sends again at once.

    Raises:
        LoadFailed: no connection could be made, or wrk failed.
    """
    seen = await _run(url, sent, connections, seconds, rate)
    return seen._replace(
        created=seen.created * sent.batch,
        refused=seen.refused * sent.batch,
        unanswered=seen.unanswered * sent.batch,
    )


async def _run(url: str, sent: Requests, connections: int, seconds: int, rate: float | None) -> Load:
    """As `run`, but for batches as well it is requests that are counted."""
    if program := wrk():
        return await _run_wrk(program, url, sent, connections, seconds, rate)
    try:
        result = await generator.run(url, sent.requests, connections, seconds, rate)
    except OSError as error:
        raise LoadFailed(f"cannot connect to {url}: {error}") from None
    created = sum(result.statuses[status] for status in generator.DONE)
    refused = result.statuses.total() - created
    return Load(created, refused, result.broken, result.seconds, result.percentile(50), result.percentile(99))


def parse_wrk(output: str) -> Load:
    """Read what the script's `done` wrote.

    wrk tells answers of 400 and above apart; that the others were all 201 shows when the orders are counted.

    Raises:
        LoadFailed: it is not there.
    """
    found = re.search(rf"^{_MARK}(.*)$", output, re.MULTILINE)
    if not found:
        raise LoadFailed(f"wrk failed: {(output.strip().splitlines() or ['it said nothing'])[-1]}")
    told = msgspec.json.decode(found[1], type=_Told)
    return Load(
        created=told.answered - told.refused,
        refused=told.refused,
        unanswered=told.unanswered,
        seconds=told.micros / 1e6,
        p50_ms=told.p50 / 1e3,
        p99_ms=told.p99 / 1e3,
    )


def wrk() -> str | None:
    """Where wrk is, if it is there."""
    return shutil.which("wrk")


async def _run_wrk(program: str, url: str, sent: Requests, connections: int, seconds: int, rate: float | None) -> Load:
    with TemporaryDirectory(prefix="onhand-bench-") as directory:
        script = Path(directory) / "load.lua"
        script.write_text(_SCRIPT + (_PACE.format(milliseconds=1e3 / rate) if rate else ""))
        requests = Path(directory) / "requests"
        requests.write_text("".join(f"{it.method} {it.path} {it.body}\n" for it in sent.requests))
        process = await asyncio.create_subprocess_exec(
            *(program, "--threads=1", f"--connections={connections}", f"--duration={seconds}s"),
            *("--latency", f"--timeout={_WAIT_SECONDS}s", f"--script={script}", url, str(requests)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:  # we are being cancelled
                process.kill()
                await process.wait()
    return parse_wrk(output.decode(errors="replace"))
