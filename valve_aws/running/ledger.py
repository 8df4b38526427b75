"""What happened in one run, as its operator is told of it: records, refusals, figures.

Knows what is kept, counted and shown, and how often. Does not know who decided, nor where records are stored.
"""

from __future__ import annotations

from collections.abc import Callable

from valve_aws import report
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.record import Record
from valve_aws.model.safe import plain
from valve_aws.model.stack import Stack

DEPTH = 16
"""Invocations in one chain before it is taken for a loop (Lambda's recursive loop detection stops after
about 16)."""

WAKING = frozenset(
    """
    Invoke InvokeAsync InvokeWithResponseStream SendMessage SendMessageBatch Publish PublishBatch PutEvents
    PutObject CopyObject CompleteMultipartUpload DeleteObject DeleteObjects PutItem UpdateItem DeleteItem
    BatchWriteItem TransactWriteItems ExecuteStatement BatchExecuteStatement ExecuteTransaction PutRecord
    PutRecords CheckpointDurableExecution
    """.split()
)
"""Operations that may have a function run, so that chains of them can be told."""

KEPT = 20_000
"""Records kept in memory to tell ways with: some 20 MB; and as many of whatever else a run goes on making."""


class Ledger:
    """The records of one run, in their order."""

    def __init__(self, stack: Stack, say: Callable[[str], None], strength: str = "") -> None:
        """`strength` names the guard in the line about the run, where it is not the enforced one."""
        self.stack, self._say = stack, say
        self._name = f"valve ({strength})" if strength else "valve"
        self.records: list[Record] = []
        self.refusals: list[Record] = []
        self.clear()

    def clear(self) -> None:
        """Forget everything: another run begins."""
        self.records.clear()
        self.refusals.clear()
        self._tally = report.Tally()
        self._causes: dict[str, str] = {}
        self._shown: set[object] = set()
        self.dropped = 0
        """Records that are not kept any more."""
        self.learned: dict[str, Label] = {}
        """Function → all that its environments knew when an event ended: what the answer of another function
        brings is in no later record of theirs."""

    def ended(self, function: str, label: Label) -> None:
        """Take note of what a function's environment knows at the end of an event."""
        self.learned[function] = self.learned.get(function, CLEAN) | label

    def mark(self) -> int:
        """Return how many records there were so far, for `since`."""
        return self.dropped + len(self.records)

    def since(self, mark: int) -> list[Record]:
        """Return the records after a mark, as far as they are kept; older ones may be among them."""
        return self.records[max(0, mark - self.dropped) :]

    def add(self, record: Record) -> None:
        """Take in one decision; `settled` lines are counted and not kept."""
        self._tally.add(record)
        if record.verdict == "settled":
            return
        self.records.append(record)
        if record.operation in WAKING:
            self._causes[record.ident] = record.cause
            if len(self._causes) > KEPT:
                del self._causes[next(iter(self._causes))]
        if record.verdict == "refuse":
            self._show(record)
        if len(self.records) > KEPT:
            # Why: what let a label in is what a later refusal wants to tell; the file has every record.
            old, new = self.records[: KEPT // 2], self.records[KEPT // 2 :]
            before = len(self.records)
            self.records[:] = [r for r in old if r.joined][-(KEPT // 4) :] + new
            self.dropped += before - len(self.records)

    def first(self, what: object) -> bool:
        """Say whether this is the first time that `what` is to be told."""
        new = what not in self._shown
        if len(self._shown) >= KEPT:
            self._shown.clear()  # Why: better told twice than kept for ever
        self._shown.add(what)
        return new

    def looping(self, cause: str) -> bool:
        """Say whether the chain of wakings that ends with this record is too long."""
        length = 0
        while cause and length <= DEPTH:
            cause, length = self._causes.get(cause, ""), length + 1
        return length > DEPTH

    def title(self, resource: str) -> str:
        """Return what to call a resource in front of people."""
        named = self.stack.title(resource)
        return plain(named) if named != resource else report.short(resource)

    def summary(self) -> str:
        """Return one line about the run; "" when there was nothing to tell."""
        return f"{self._name}: {self._tally.text()}" if self.records else ""

    def _show(self, record: Record) -> None:
        # Why the record's: at the operator's door nothing is refused that can be read.
        if record.stopped and len(self.refusals) < KEPT:
            self.refusals.append(record)
        reason, place = record.reasons[0], (record.evidence.file, record.evidence.line)
        what = (record.service, record.operation, record.resources, reason.rule, reason.excess)
        # Why: what the operator's own clients do wrong has no line, so the words are what tells two apart.
        place = place if record.environment else (reason.text, 0)
        # Why once: a line in a loop is told about once; every refusal has its record and is counted.
        if self.first((record.invocation, *what, place)):
            self._say(report.refusal(record, self.records, self.title))
