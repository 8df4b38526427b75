"""How results and log lines go out (law 11).

Knows the order. Does not know who reads them.
"""

from __future__ import annotations

from dataclasses import replace

from valve_aws.course.carry import Court, record, trace, unanswered
from valve_aws.course.commands import Begin, Course, Note
from valve_aws.course.subject import Subject
from valve_aws.flow import withheld
from valve_aws.model.call import Call, Effect
from valve_aws.model.ports import BookError
from valve_aws.model.verdict import Mode, Verdict


def result(court: Court, subject: Subject, held: str = "") -> Course[tuple[str, Verdict]]:
    """Judge an invocation's result before it goes to the operator. Returns the record's id with the
    verdict. `held` says which credential stands in it."""
    ident, time = yield Begin()
    verdict = Verdict(True) if court.mode is Mode.OFF else court.judge.result(subject.principal())
    if held and court.mode is not Mode.OFF:
        verdict = replace(verdict, passes=False, refused=(withheld(held), *verdict.refused))
    verdict = _lenient(court, verdict)
    call = Call("valve", "Result", court.region, (), Effect())
    try:
        yield Note(record(court, subject, call, verdict, ident, time))
    except BookError as error:
        verdict = unanswered(error)
        yield from trace(record(court, subject, call, verdict, ident, time))
    return ident, verdict


def log(
    court: Court, subject: Subject, line: str, held: str = "", masked: str = ""
) -> Course[tuple[str, Verdict]]:
    """Judge one log line; return the part that may go into log stores.

    A line of a clean environment is not recorded: it carries nothing, and there are many. `held` says which
    credential stands in it; then `masked` is the line without it.
    """
    if court.mode is Mode.OFF or not (subject.label or held):
        return line, Verdict(True)
    verdict, leaves = court.judge.log(subject.principal(), masked if held else line)
    if held:
        verdict = replace(verdict, passes=False, refused=(withheld(held), *verdict.refused))
    if not verdict.refused:
        return line, verdict
    ident, time = yield Begin()
    verdict = _lenient(court, verdict)
    call = Call("valve", "Log", court.region, (), Effect())
    try:
        yield Note(record(court, subject, call, verdict, ident, time))
    except BookError as error:
        return leaves, unanswered(error)
    return (line if verdict.passes else leaves), verdict


def _lenient(court: Court, verdict: Verdict) -> Verdict:
    """In audit the reasons stay and the crossing passes."""
    return replace(verdict, passes=True) if court.mode is Mode.AUDIT else verdict
