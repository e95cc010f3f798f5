"""Reports of benchmarks, as they were written with `--json`."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from benchmarks.peers.table import Comparison
from benchmarks.rates import RateReport
from benchmarks.report import Report
from benchmarks.volume_report import VolumeReport
from benchmarks.workloads.table import WorkloadReport
from onhand.common.errors import OnhandError

AnyReport = Report | RateReport | Comparison | VolumeReport | WorkloadReport

_KINDS: Mapping[str, type[AnyReport]] = {
    "summaries": Report,
    "rateRounds": RateReport,
    "standings": Comparison,
    "volume": VolumeReport,
    "results": WorkloadReport,
}
"""By what only this kind has."""


class NotDrawn(OnhandError):
    """There is no picture of a report."""


def read(file: Path) -> AnyReport:
    """Read a report.

    Raises:
        NotDrawn: it cannot be read, or nothing is drawn of its kind.
    """
    try:
        content = file.read_bytes()
        fields = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        kind = next((kind for name, kind in _KINDS.items() if name in fields), None)
        if kind is None:
            raise NotDrawn(f"{file}: nothing is drawn of reports of this kind")
        return msgspec.json.decode(content, type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise NotDrawn(f"{file} is not a report: {error}") from None


def source_of(report: AnyReport) -> str:
    """How it was made, when, and on what."""
    told = report.facts
    command, date = told.get("command", "a command that the report does not tell"), told.get("date", "no date")
    return f"$ {command} ({date}; {told.get('machine', 'no machine told')})"
