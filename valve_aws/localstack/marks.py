"""What our functions send to LocalStack that may come back as an event, and how it is known again.

Knows X-Ray's trace header, which LocalStack hands on from an invocation, and from an event bus, to the
function that it wakes. Does not trust what a function writes there: requests are written anew, and the mark
is ours.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from valve_aws.course.commands import Forward
from valve_aws.model.call import Call
from valve_aws.model.cell import Cell
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.verdict import Holding, Way

MARKED = frozenset(
    {
        ("lambda", "Invoke"),
        ("lambda", "InvokeAsync"),
        ("lambda", "InvokeWithResponseStream"),
        ("events", "PutEvents"),
    }
)
"""Calls whose trace header LocalStack hands on to the functions that they wake (4.14: its Lambda provider,
and the targets of its event buses)."""

BOOKED = frozenset({"s3", "sqs", "sns", "dynamodb", "kinesis", "logs", "stepfunctions", "events"})
"""Services whose events say which cell they were taken out of, or come from a store that the function is
wired to: the book and the policy say what that carries."""

INERT = frozenset({"secretsmanager", "ssm", "kms", "sts", "iam", "dynamodbstreams", "valve"})
"""Services that wake no function with what is sent to them, but for `TOLD`."""

TOLD = frozenset({("secretsmanager", "RotateSecret")})
"""Calls of theirs that do: with the token of a rotation."""

KEPT = 10_000
"""Marks that are remembered. One that is forgotten is not known again: its label is adrift from then on, and
what has been learned for it."""

ROOT = re.compile(r"(?:^|;)\s*Root=1-[0-9a-f]{8}-([0-9a-f]{24})(?:;|$)")

PROMPT = 0.5
"""Seconds after the answer to a call in which what it brought about is settled in the book."""

LONG = 30.0
"""Seconds after which a call that has had no answer is not waited for any more."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One call that may wake a function."""

    record: str
    carried: Holding
    waits: bool
    learned: Holding = Holding()
    """What the functions that served it had learned by the end."""


class Marks:
    """The marks of one valve. On one loop. A `passage.Relay`."""

    def __init__(self, chance: Callable[[int], bytes], time: Callable[[], float]) -> None:
        """`chance` gives random bytes, `time` seconds since the epoch."""
        self._chance, self._time = chance, time
        self._sent: OrderedDict[str, Sent] = OrderedDict()
        self._marks: dict[str, str] = {}
        self.adrift: Label = CLEAN
        """What functions have sent to where its way is not followed: whatever comes from LocalStack without a
        mark and names no cell may be that."""
        self._sending: dict[str, tuple[float, tuple[str, ...]]] = {}
        """Calls that are not settled in the book yet, by record: since when, and where they write."""

    def marks(self, command: Forward) -> tuple[tuple[str, str], ...]:
        """See `passage.Relay`."""
        call = command.call
        if call.effect.changes:
            stores = tuple(extent.store for extent in call.effect.changes)
            self._sending[command.record] = self._time(), stores
        if (call.service, call.operation) not in MARKED:
            if call.service not in BOOKED | INERT or (call.service, call.operation) in TOLD:
                self.adrift |= command.carries
            return ()
        mark, waits = self._chance(12).hex(), _waits(call)
        # Why: for the function that is woken the tags came in with its event, whatever their way was before.
        event = Cell(call.resources[0] if call.resources else call.service, "event")
        ways = tuple(Way(way.tag, event, record=command.record) for way in command.ways)
        self._sent[mark] = Sent(command.record, Holding(command.carries, True, ways), waits)
        self._marks[command.record] = mark
        while len(self._sent) > KEPT:
            _, oldest = self._sent.popitem(last=False)
            self._marks.pop(oldest.record, None)
            self.adrift |= oldest.carried.label | oldest.learned.label
        parent = self._chance(8).hex()
        return (("x-amzn-trace-id", f"Root=1-{int(self._time()):08x}-{mark};Parent={parent};Sampled=1"),)

    def brought(self, command: Forward) -> Holding:
        """See `passage.Relay`."""
        record = command.record
        asyncio.get_running_loop().call_later(PROMPT, self.settled, record)
        if not _waits(command.call):
            return Holding()
        mark = self._marks.pop(record, "")
        sent = self._sent.pop(mark, None)
        # Why adrift: the mark was forgotten while somebody waited, and what was learned for it went there.
        return Holding(self.adrift) if sent is None else sent.learned

    def settled(self, record: str) -> None:
        """Take note that the book has what a call brought about."""
        self._sending.pop(record, None)

    def busy(self, store: str) -> bool:
        """Say whether a call that writes to a store is not settled in the book yet."""
        late = self._time() - LONG
        for record in [record for record, (since, _) in self._sending.items() if since < late]:
            del self._sending[record]
        return any(store in stores for _, stores in self._sending.values())

    def known(self, trace: str) -> tuple[str, Sent | None]:
        """Return (mark, call) of what an event's trace header says it comes of; None for no call of ours."""
        found = ROOT.search(trace)
        mark = found[1] if found else ""
        return mark, self._sent.get(mark)

    def learned(self, mark: str, what: Holding) -> None:
        """Take note of what a function that served a call has learned: it goes back with the answer."""
        sent = self._sent.get(mark)
        if sent is None:
            self.adrift |= what.label
            return
        both = sent.learned.label | what.label
        self._sent[mark] = replace(sent, learned=Holding(both, True, sent.learned.ways + what.ways))


def _waits(call: Call) -> bool:
    """Say whether the answer to a call is what a function has answered."""
    kind = call.params.get("InvocationType") or "RequestResponse"
    invokes = call.operation in {"Invoke", "InvokeWithResponseStream"}
    return call.service == "lambda" and invokes and kind == "RequestResponse"
