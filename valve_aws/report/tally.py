"""What a run came to, counted as it goes.

Knows what is worth counting. Does not keep records.
"""

from __future__ import annotations

from dataclasses import dataclass

from valve_aws.model.record import Record
from valve_aws.model.verdict import Mode

NOT_CALLS = frozenset({"Admit", "Result", "Log", "Resolve", "Recovered", "Outcome"})


@dataclass(slots=True)
class Tally:
    """Figures of one run."""

    calls: int = 0
    labelled: int = 0
    refused: int = 0
    withheld: int = 0
    probes: int = 0
    enforced: bool = False

    def add(self, record: Record) -> None:
        """Count one record."""
        if record.verdict == "settled":
            return
        self.enforced = self.enforced or record.mode is Mode.ENFORCE
        self.calls += record.operation not in NOT_CALLS
        self.labelled += (
            record.operation not in NOT_CALLS and record.verdict == "allow" and bool(record.writes)
        )
        self.refused += record.verdict == "refuse"
        self.probes += bool(record.probed)
        self.withheld += record.verdict == "refuse" and record.operation == "Log"

    def text(self) -> str:
        """Return the figures in one line."""
        parts = [
            f"{self.calls} calls",
            f"{self.labelled} carried a label and passed",
            f"{self.refused} {'refused' if self.enforced else 'would be refused'}",
        ]
        if self.withheld:
            parts.append(f"{self.withheld} log line{'s' * (self.withheld > 1)} withheld from log stores")
        if self.probes:
            store = "a store that accepts" if self.probes == 1 else "stores that accept"
            parts.append(f"{self.probes} probe{'s' * (self.probes > 1)} of {store} more than was there")
        return ", ".join(parts)
