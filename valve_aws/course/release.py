"""How results, log lines and the mere outcome of an invocation go out (law 11).

Knows the order. Does not know who reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from valve_aws.course.commands import Begin, Course, Forward, Note, Raise, Settle, Stamp
from valve_aws.course.court import Court, record, trace, unanswered
from valve_aws.course.links import NO_LINKS, RESULT, asked, judged, let_go
from valve_aws.course.subject import Subject
from valve_aws.flow import withheld
from valve_aws.model.call import Call, Effect, Link
from valve_aws.model.cell import Extent, Part, Span, one
from valve_aws.model.ports import BookError, Outcome
from valve_aws.model.verdict import Mode, Verdict


def result(
    court: Court, subject: Subject, held: str = "", links: Sequence[Link] = ()
) -> Course[tuple[str, Verdict]]:
    """Judge an invocation's result before it goes to the operator. Returns the record's id with the
    verdict. `held` says which credential stands in it, `links` are those that do."""
    ident, time = yield Begin()
    call = Call("valve", "Result", court.region, (), Effect())
    verdict, linked = Verdict(True), NO_LINKS
    try:
        if court.mode is not Mode.OFF:
            found = (yield from asked(court, subject, links, (RESULT,))) if links else ()
            linked = (yield from judged(court, subject, found, (RESULT,))) if found else NO_LINKS
            verdict = court.judge.result(subject.principal())
            against = ((withheld(held),) if held else ()) + linked.reasons
            passes = verdict.passes and not against
            verdict = replace(verdict, passes=passes, refused=against + verdict.refused)
        verdict = _lenient(court, verdict)
        yield Note(record(court, subject, call, verdict, ident, time))
        if verdict.passes:
            yield from let_go(court, subject, linked, ident)
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


def outcome(
    court: Court, subject: Subject, source: str, names: Iterable[str], undone: bool
) -> Course[tuple[str, Verdict]]:
    """Let the outcome of an event decide what becomes of the cells of `source` that it was made of.

    Which of them are there afterwards, and how often they are seen again, is written by whoever ended so: it
    must be accepted there. If it is not, nothing is forwarded and the caller takes all of them away, which is
    what becomes of them when nothing went wrong; so only an outcome that is `undone` is refused in so many
    words.
    """
    ident, time = yield Begin()
    cells = (one(source, name) for name in names)
    told = (*cells, *(Extent(source, part, Span.ONE) for part in (Part.NAMES, Part.COUNTS)))
    call = Call("valve", "Outcome", court.region, (source,), Effect(changes=told, blind=True))
    verdict = Verdict(True)
    try:
        if court.mode is not Mode.OFF:
            verdict = court.judge.redecide(call, subject.principal(), {})
            if not verdict.passes and not undone:
                # Why in audit too: nothing is done otherwise than it would be, so there is nothing to tell.
                return ident, verdict
            verdict = _lenient(court, verdict)
            if verdict.writes:
                yield Note(record(court, subject, call, verdict, ident, time))
        if verdict.passes:
            yield from _told(court, ident, call, verdict)
    except BookError as error:
        verdict = unanswered(error)
        yield from trace(record(court, subject, call, verdict, ident, time))
    return ident, verdict


def _told(court: Court, ident: str, call: Call, verdict: Verdict) -> Course[None]:
    """Carry an outcome out, with the book ahead of it as for every write."""
    if not verdict.writes:
        yield Forward(ident, call)
        return
    yield Raise(ident, court.judge.rises(call, verdict), (), (yield Stamp()))
    try:
        yield Forward(ident, call, verdict.writes, verdict.ways)
    except GeneratorExit:
        raise  # Why: as in `carry`: nobody carries out what it asks for any more
    except BaseException:
        yield Settle(ident, Outcome.UNKNOWN)
        raise
    yield Settle(ident, Outcome.DONE)


def _lenient(court: Court, verdict: Verdict) -> Verdict:
    """In audit the reasons stay and the crossing passes."""
    return replace(verdict, passes=True) if court.mode is Mode.AUDIT else verdict
