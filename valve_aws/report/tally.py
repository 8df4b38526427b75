"""What a run came to, counted as it goes.

Knows what is worth counting. Does not keep records.
"""

from __future__ import annotations

from dataclasses import dataclass

from valve_aws.model.plural import counted
from valve_aws.model.record import Record
from valve_aws.model.verdict import Mode

NOT_CALLS = frozenset({"Admit", "Result", "Log", "Resolve", "Recovered", "Outcome"})


@dataclass(slots=True)
class Tally:
    """Figures of one run."""

    calls: int = 0
    labelled: int = 0
    refused: int = 0
    listed: int = 0
    """What would be refused where the policy is enforced."""
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
        self.refused += record.stopped
        self.listed += record.verdict == "refuse" and not record.stopped
        self.probes += bool(record.probed)
        self.withheld += record.verdict == "refuse" and record.operation == "Log"

    def text(self) -> str:
        """Return the figures in one line."""
        parts = [counted(self.calls, "call"), f"{self.labelled} carried a label and passed"]
        if self.enforced or self.refused:
            parts.append(f"{self.refused} refused")
        if self.listed or not (self.enforced or self.refused):
            parts.append(f"{self.listed} would be refused")
        if self.withheld:
            parts.append(f"{counted(self.withheld, 'log line')} withheld from log stores")
        if self.probes:
            store = "a store that accepts" if self.probes == 1 else "stores that accept"
            parts.append(f"{counted(self.probes, 'probe')} of {store} more than was there")
        return ", ".join(parts)
