"""How an event comes in: its label joins the environment's before the function sees it (law 1).

Knows the order. Does not know where the event came from.
"""

from __future__ import annotations

from valve_aws.course.carry import Court, join
from valve_aws.course.commands import Begin, Course, Note
from valve_aws.course.court import record, trace, unanswered
from valve_aws.course.subject import Subject
from valve_aws.model.call import Call, Effect
from valve_aws.model.ports import BookError
from valve_aws.model.verdict import Holding, Mode, Verdict


def admit(court: Court, subject: Subject, source: str, carried: Holding) -> Course[Verdict]:
    """Admit one event to `subject`; what exceeds the function's clearance is refused. `source` is what sent
    it."""
    ident, time = yield Begin()
    verdict = Verdict(True) if court.mode is Mode.OFF else court.judge.admit(subject.principal(), carried)
    if court.mode is Mode.AUDIT and verdict.refused:
        verdict = Verdict(
            True, verdict.refused, verdict.allowed, verdict.joins, ways=verdict.ways, cells=verdict.cells
        )
    call = Call("valve", "Admit", court.region, (source,) if source else (), Effect())
    try:
        if verdict.passes:
            yield from join(court, subject, verdict.joins, verdict.ways)
        yield Note(record(court, subject, call, verdict, ident, time))
    except BookError as error:
        verdict = unanswered(error)
        yield from trace(record(court, subject, call, verdict, ident, time))
    return verdict
