"""What every crossing of one stack shares, and how a decision is written down.

Knows records. Does not know in which order anything is asked for.
"""

from __future__ import annotations

from contextlib import suppress

from valve_aws.course.commands import Course, Note
from valve_aws.course.subject import Subject
from valve_aws.flow import Judge
from valve_aws.model.call import Call
from valve_aws.model.cell import Extent
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.ports import BookError, Outcome
from valve_aws.model.record import Record
from valve_aws.model.value import value
from valve_aws.model.verdict import Mode, Reason, Rule, Verdict


@value
class Court:
    """What every crossing of one stack shares."""

    judge: Judge
    mode: Mode
    account: str
    region: str

    def logs(self, subject: Subject) -> bool:
        """Say whether a line about what an environment does may go into log stores whole."""
        enforced = self.mode is Mode.ENFORCE and subject.label
        return not enforced or not self.judge.log(subject.principal(), "")[0].refused


def unanswered(error: BookError) -> Verdict:
    """Return what becomes of anything when the book or the record does not answer (laws 7 and 15)."""
    told = f"the label book or the record did not answer: {error}"
    return Verdict(False, refused=(Reason(Rule.BOOK, told),))


def trace(refusal: Record) -> Course[None]:
    """Record a refusal; where no record can be kept it is a refusal all the same."""
    with suppress(BookError):
        yield Note(refusal)


def record(court: Court, subject: Subject, call: Call, verdict: Verdict, ident: str, time: str) -> Record:
    """Write down one decision. `parameters` name things; what is content stays out."""
    return Record(
        ident=ident,
        time=time,
        service=call.service,
        operation=call.operation,
        region=call.region or court.region,
        account=court.account,
        verdict="refuse" if verdict.refused else "allow",
        mode=court.mode,
        function=subject.function,
        environment=subject.environment,
        invocation=subject.invocation,
        resources=_places(call),
        parameters=dict(call.leaves) if not call.held else {},
        label=subject.label,
        writes=verdict.writes,
        changes=tuple(dict.fromkeys([_text(e) for e in verdict.rises])),
        cells=verdict.cells,
        probed=verdict.probed,
        joined=verdict.joins,
        ways=verdict.ways,
        reasons=verdict.refused or verdict.allowed,
        evidence=call.evidence,
        cause=subject.cause,
    )


def _places(call: Call) -> tuple[str, ...]:
    """Return a call's resources without what may hold a credential: the path of a URL."""
    if not call.held:
        return call.resources
    return tuple("/".join(each.split("/")[:3]) for each in call.resources)


def became(
    court: Court,
    subject: Subject,
    call: Call,
    ident: str,
    time: str,
    outcome: Outcome,
    status: int,
    writes: Label = CLEAN,
    changes: tuple[str, ...] = (),
) -> Record:
    """Return the line that says what became of a call that changes something (ADR 2, step 5)."""
    return Record(
        ident=ident,
        time=time,
        service=call.service,
        operation=call.operation,
        region=call.region or court.region,
        account=court.account,
        verdict="settled",
        mode=court.mode,
        function=subject.function,
        environment=subject.environment,
        invocation=subject.invocation,
        resources=_places(call),
        label=subject.label,
        writes=writes,
        changes=changes,
        evidence=call.evidence,
        cause=subject.cause,
        outcome=str(outcome),
        status=status,
    )


def _text(extent: Extent) -> str:
    return f"{extent.store}/{extent.name}" if extent.name else extent.store
