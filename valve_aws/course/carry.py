"""How a call crosses: read, decided, recorded, raised, sent, settled, released.

Knows the order, which is the law's (laws 2 to 9, 14, 15; ADR 2). Does not know what any step looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from valve_aws.course.commands import (
    Begin,
    Broken,
    Collect,
    Course,
    Cut,
    Fail,
    Forward,
    Look,
    Lost,
    Note,
    Raise,
    Refuse,
    Release,
    Reply,
    Settle,
    Stamp,
    Withheld,
)
from valve_aws.course.court import Court as Court
from valve_aws.course.court import became, record, trace, unanswered
from valve_aws.course.links import NO_LINKS, Asked, Linked, asked, judged, let_go, places
from valve_aws.course.subject import Outgoing, Subject
from valve_aws.flow import withheld
from valve_aws.model.call import Call, Effect, Unreadable
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.ports import BookError, Outcome
from valve_aws.model.value import value
from valve_aws.model.verdict import Held, Mode, Reason, Rule, Verdict, Way

NOTHING_MORE = Verdict(True)

ATTEMPTS = 64
"""Why: a decision is taken again when the book moved meanwhile; a book that never stands still is one that
does not answer."""


def carry(
    court: Court, subject: Subject, limit: int, read: Callable[[bytes | None], Call | Unreadable]
) -> Course[Verdict]:
    """Take one request through. `limit` is how much body must be there to `read` it, 0 for none."""
    try:
        body = (yield Collect(limit)) if limit else None
        call: Call | Unreadable = read(body)
    except Broken as broken:
        call = Unreadable(str(broken))
    if isinstance(call, Unreadable):
        return (yield from turn_away(court, subject, call))
    return (yield from cross(court, subject, call))


def cross(court: Court, subject: Subject, call: Call) -> Course[Verdict]:
    """Take one understood call through. A book or a record that does not answer stops it (law 7)."""
    ident, time = yield Begin()
    try:
        if court.mode is Mode.OFF:
            return (yield from wave_through(court, subject, call, ident, time))
        return (yield from _judged(court, subject, call, ident, time))
    except BookError as error:
        subject.outgoing.pop(ident, None)
        verdict = unanswered(error)
        # Why a record of its own: under the first one the call may stand as allowed.
        ident, time = yield Begin()
        yield from trace(record(court, subject, call, verdict, ident, time))
        yield Refuse(ident, call, verdict)
        return verdict


def turn_away(court: Court, subject: Subject, unreadable: Unreadable) -> Course[Verdict]:
    """Refuse in every mode what cannot be read with certainty (law 7), and leave a trace of it."""
    ident, time = yield Begin()
    verdict = Verdict(False, refused=(Reason(Rule.UNREADABLE, unreadable.problem),))
    shadow = Call(
        unreadable.service or "valve", unreadable.operation or "Unreadable", court.region, (), Effect()
    )
    yield from trace(record(court, subject, shadow, verdict, ident, time))
    yield Refuse(ident, None, verdict)
    return verdict


def _judged(court: Court, subject: Subject, call: Call, ident: str, time: str) -> Course[Verdict]:
    judge = court.judge
    wants = judge.wants(call)
    links = (yield from asked(court, subject, call.links, places(call))) if call.links else ()
    decision = yield from _decided(court, subject, call, ident, time, links)
    verdict, raised, stamp = decision.verdict, decision.raised, decision.stamp
    if not verdict.passes:
        yield Refuse(ident, call, verdict)
        return verdict
    # Invariant: from here until the reply is settled, a rise of the environment's label decides this call
    # again.
    outgoing = subject.outgoing[ident] = Outgoing(call, verdict.writes, raised)
    closing = _Closing(court, subject, outgoing, ident, time)
    try:
        reply: Reply = yield Forward(ident, call, verdict.writes, verdict.ways)
    except Lost as lost:
        yield from closing.close(lost.outcome, None)
        yield Fail(ident, call)
        return verdict
    except Withheld as cut:
        yield from closing.close(Outcome.UNKNOWN, None)
        ident, verdict = yield from _told(court, subject, call, cut.what, passes=False)
        yield Refuse(ident, call, verdict)
        return verdict
    except GeneratorExit:
        raise  # Why: nobody carries out what it asks for any more; the next start finds the open rise (ADR 2)
    except BaseException:
        # Why: the client went away or we are being stopped, with bytes perhaps sent: whether it happened is
        # unknown.
        yield from closing.close(Outcome.UNKNOWN, None)
        raise
    again = NOTHING_MORE
    # Why not always: who asks the book for nothing learns nothing that it holds, and what it holds as it did
    # when it was decided has joined then.
    if wants and (reply.seen or (yield Stamp()) != stamp):
        held = yield Look(wants, stamp, reply.seen)
        if held != decision.held:
            again = judge.settle(call, subject.principal(), held)
    yield from join(court, subject, again.joins | reply.carries, again.ways + reply.ways)
    if reply.held:
        yield from _told(court, subject, call, reply.held, passes=True)
    if reply.whole:
        yield from closing.release(reply)
    else:
        yield from closing.close(reply.outcome, reply)
        yield Release(reply)
    return verdict


def _told(
    court: Court, subject: Subject, call: Call, what: str, *, passes: bool
) -> Course[tuple[str, Verdict]]:
    """Record, under an id of its own, that a credential stands in a body that was let go as it came."""
    ident, time = yield Begin()
    verdict = Verdict(passes, (withheld(what),))
    yield from trace(record(court, subject, call, verdict, ident, time))
    return ident, verdict


def wave_through(court: Court, subject: Subject, call: Call, ident: str, time: str) -> Course[Verdict]:
    """Mode off: a record, and on. No label is kept."""
    verdict = Verdict(True)
    yield Note(record(court, subject, call, verdict, ident, time))
    try:
        reply = yield Forward(ident, call)
    except Lost:
        yield Fail(ident, call)
        return verdict
    reply = reply.told() if reply.told else reply
    if call.effect.changes:
        yield Note(became(court, subject, call, ident, time, reply.outcome, reply.status))
    yield Release(reply)
    return verdict


def join(court: Court, subject: Subject, label: Label, ways: tuple[Way, ...]) -> Course[None]:
    """Raise the environment's label, and with it whatever it still has under way: raised too, or cut (law
    3)."""
    if not subject.take(label, ways):
        return
    silent: BookError | None = None
    for ident, outgoing in list(subject.outgoing.items()):
        try:
            yield from _again(court, subject, ident, outgoing)
        except BookError as error:
            # Why: these tags will not rise a second time, so what cannot be decided now never will be.
            silent = error
            yield Cut(ident)
    if silent:
        raise silent


def _again(court: Court, subject: Subject, ident: str, outgoing: Outgoing) -> Course[None]:
    """Decide a call that is under way with the label that its environment has now."""
    stamp = yield Stamp()
    wants = court.judge.wants(outgoing.call)
    verdict = court.judge.redecide(outgoing.call, subject.principal(), (yield Look(wants)))
    rises = court.judge.rises(outgoing.call, verdict)
    if not verdict.passes and court.mode is Mode.ENFORCE:
        yield Cut(ident)
    elif rises:
        yield Raise(ident, rises, (), stamp)
        outgoing.raised, outgoing.writes = True, outgoing.writes | verdict.writes


@value
class _Closing:
    """The end of a call that was sent."""

    court: Court
    subject: Subject
    outgoing: Outgoing
    ident: str
    time: str

    def release(self, reply: Reply) -> Course[None]:
        """Let a reply go that is here to its last byte, and close behind it.

        Why in this order: what it depends on has joined already (law 2), and until it is settled a cell
        carries old and new, so nobody can learn too much in between; the function waits for a fifth of a
        millisecond less. Budget: a guarded call adds less than 1 ms.
        """
        gone: BaseException | None = None
        try:
            yield Release(reply)
        except GeneratorExit:
            raise
        except BaseException as error:  # Why: what became of the call is settled, whoever waited for it
            gone = error
        with suppress(BookError):
            # Why not refused: it has been answered. The rise stays open, and the next start tells it.
            done = reply.told() if reply.told else reply
            yield from self.close(done.outcome, done)
        if gone:
            raise gone

    def close(self, outcome: Outcome, reply: Reply | None) -> Course[None]:
        """Settle the book, then the record (ADR 2, steps 4 and 5)."""
        self.subject.outgoing.pop(self.ident, None)
        if not self.outgoing.raised:
            return
        writes = self.outgoing.writes if reply else CLEAN
        versions = reply.versions if reply else {}
        created = [(cell, writes) for cell in reply.created] if reply else []
        yield Settle(self.ident, outcome, versions, created, reply.removed if reply else ())
        call, status = self.outgoing.call, reply.status if reply else 0
        made = tuple(str(cell) for cell, _ in created)
        yield Note(
            became(self.court, self.subject, call, self.ident, self.time, outcome, status, writes, made)
        )


@value
class _Decision:
    """A verdict, recorded."""

    verdict: Verdict
    raised: bool
    """Cells carry what is going to be written."""
    stamp: int
    """When the book was looked at."""
    held: Held
    """What it held then of what the call wants."""


def _decided(
    court: Court, subject: Subject, call: Call, ident: str, time: str, links: tuple[Asked, ...]
) -> Course[_Decision]:
    """Decide until the book stands still."""
    judge, where = court.judge, places(call) if links else ()
    wants = judge.wants(call)
    for _ in range(ATTEMPTS):
        # Why not always: whoever asks the book for nothing is judged the same whatever it holds, and a rise
        # comes upon what moved by itself. Each look is 20 µs of the millisecond that a call may take longer.
        stamp, held = ((yield Stamp()), (yield Look(wants))) if wants else (0, {})
        linked: Linked = (yield from judged(court, subject, links, where)) if links else NO_LINKS
        verdict = linked.beside(judge.decide(call, subject.principal(), held, court.mode), court.mode)
        yield from join(court, subject, verdict.joins, verdict.ways)
        decided = record(court, subject, call, verdict, ident, time)
        if not verdict.passes:
            yield from trace(decided)
            return _Decision(verdict, False, stamp, held)
        yield Note(decided)
        yield from let_go(court, subject, linked, ident)
        rises = judge.rises(call, verdict)
        if not wants and not rises:
            yield Stamp()  # Why: where the book does not answer nothing leaves, whatever it is (law 7)
        if not rises or (yield Raise(ident, rises, wants, stamp)):
            return _Decision(verdict, bool(rises), stamp, held)
    raise BookError("it never stood still long enough to decide")
