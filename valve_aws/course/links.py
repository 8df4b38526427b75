"""How a presigned link goes out: judged as the call that it is, pinned, recorded, signed anew (law 17).

Knows the order. Does not know what a link looks like, nor how it is signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from valve_aws.course.commands import (
    Begin,
    Course,
    Look,
    Note,
    Pin,
    Pinned,
    Raise,
    Replace,
    Settle,
    Sign,
    Stamp,
)
from valve_aws.course.court import Court, record
from valve_aws.course.subject import Subject
from valve_aws.model.call import Call, Effect, Link
from valve_aws.model.cell import Part
from valve_aws.model.ports import BookError, Outcome
from valve_aws.model.value import value
from valve_aws.model.verdict import Mode, Principal, Reason, Verdict

RESULT = ""
"""The place that a result goes to."""


@value
class Asked:
    """One link, as far as it can be told without its label; whoever had to be waited for was."""

    link: Link
    against: tuple[Reason, ...] = ()
    pinned: Pinned = Pinned()
    seconds: int = 0
    outside: bool = False
    """It is to work where it goes. Within the stack it stays as it is, worth nothing, until it goes on."""


@value
class Linked:
    """What was found out about the links of one crossing."""

    reasons: tuple[Reason, ...] = ()
    going: tuple[Asked, ...] = ()

    def beside(self, verdict: Verdict, mode: Mode) -> Verdict:
        """Return a verdict with the reasons against the links."""
        if not self.reasons:
            return verdict
        passes = verdict.passes and mode is not Mode.ENFORCE
        return replace(verdict, passes=passes, refused=(*self.reasons, *verdict.refused))


NO_LINKS = Linked()


def places(call: Call) -> tuple[str, ...]:
    """Return where a call puts what it sends: where it changes content, else whatever it touches."""
    changed = [e.store for e in call.effect.changes if e.part is Part.CONTENT]
    return tuple(dict.fromkeys([*changed, *call.effect.delivers])) or call.resources


def asked(
    court: Court, subject: Subject, links: Sequence[Link], where: tuple[str, ...]
) -> Course[tuple[Asked, ...]]:
    """Find out which version each link reads, and have it signed. Nobody is asked about one that no line lets
    go. Nothing leaves yet; a label that rises meanwhile is still judged."""
    judge, found = court.judge, []
    for link in links:
        maker = _maker(link, subject.principal())
        walls = tuple(reason for place in where for reason in judge.link_walls(link, maker, place))
        if walls:
            found.append(Asked(link, walls))
            continue
        pinned: Pinned = yield Pin(link)
        seconds = min(judge.link_lives(link, maker, place) for place in where)
        outside = any(place == RESULT or judge.outside(place) for place in where)
        if outside:
            yield Sign(link, seconds, pinned.version)
        found.append(Asked(link, (), pinned, seconds, outside))
    return tuple(found)


def judged(
    court: Court, subject: Subject, links: Sequence[Asked], where: tuple[str, ...]
) -> Course[Linked]:
    """Judge links with the label that their sender has now, and what the book holds of what they open."""
    judge, sender = court.judge, subject.principal()
    reasons: list[Reason] = []
    going = []
    for each in links:
        link, pinned, maker = each.link, each.pinned, _maker(each.link, sender)
        against = list(each.against)
        if not against:
            held = yield Look(judge.wants(link.call), None, pinned.seen)
            for place in where:
                against += judge.link_flows(link, maker, sender, place, held, bool(pinned.version))
        reasons += against
        if not against:
            going.append(each)
    return Linked(tuple(dict.fromkeys(reasons)), tuple(going))


def _maker(link: Link, sender: Principal) -> Principal:
    """Return who makes a link's call: its maker's function, with the label of what the link stands in.

    What a trigger authenticated is told of the sender's event, so it counts for a link of the same function
    alone.
    """
    same = link.function == sender.function
    return replace(
        sender,
        environment=link.environment,
        function=link.function,
        trigger=sender.trigger if same else "",
        fields=sender.fields if same else {},
    )


def let_go(court: Court, subject: Subject, linked: Linked, cause: str) -> Course[None]:
    """Record each link that goes out, and let the book know what may come in by it."""
    for each in linked.going:
        if not each.outside:
            continue
        ident, time = yield Begin()
        link = each.link
        told = (
            ("operation", link.call.operation),
            ("key", f"{link.prefix}*" if link.prefix is not None else str(link.call.params.get("Key", ""))),
            ("version", each.pinned.version),
            ("seconds", str(each.seconds)),
            ("within", cause),
        )
        call = Call("valve", "Presign", court.region, link.call.resources, Effect(), leaves=told)
        yield Note(record(court, subject, call, Verdict(True), ident, time))
        rises = court.judge.link_rises(link)
        if rises:
            stamp = yield Stamp()
            if not (yield Raise(ident, rises, (), stamp)):
                raise BookError("it did not take what a released link may bring in")
            yield Settle(ident, Outcome.UNKNOWN)
        yield Replace(link)
