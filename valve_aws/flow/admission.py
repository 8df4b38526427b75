"""How an event is let in: what it carries joins the environment's label, if the function may learn it (laws
1, 18).

Knows the policy's `events` and clearances. Does not know where the event came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from valve_aws.flow import words
from valve_aws.flow.case import Found
from valve_aws.flow.rules import Rules
from valve_aws.model.label import ANY, CLEAN, excess
from valve_aws.model.verdict import Holding, Principal, Reason, Rule, Verdict, Way


@dataclass(slots=True)
class Event:
    """One event at the door."""

    who: Principal
    carried: Holding
    label: Found = field(default_factory=dict)


def payload(_: Rules, event: Event) -> Iterator[Reason]:
    """What the payload carries; a payload of which that is not known does not come in."""
    ways = {way.tag: way for way in event.carried.ways}
    event.label.update({tag: ways.get(tag) or Way(tag) for tag in event.carried.label})
    if not event.carried.complete:
        yield Reason(Rule.FIELD, "what the event's payload carries cannot be told")


def declared(rules: Rules, event: Event) -> Iterator[Reason]:
    """What `events` says of this trigger, its fields filled from what the trigger authenticated."""
    tags, still, where = rules.event_tags(event.who)
    for tag in tags:
        event.label.setdefault(tag, Way(tag, where=where))
    for pattern in still:
        yield Reason(
            Rule.FIELD,
            f"{event.who.trigger} does not fill `{pattern}`",
            where,
            fixes=("use a trigger that authenticates the field, or a tag without it",),
        )


def cleared(rules: Rules, event: Event) -> Iterator[Reason]:
    """What exceeds the clearance is refused."""
    may, where = rules.ceilings.clearance(event.who.function, event.who.fields)
    over = CLEAN if ANY in may else excess(frozenset(event.label), may)
    if over:
        yield Reason(
            Rule.CLEARANCE,
            f"{words.tags(over)}; {event.who.function} may learn {words.tags(may)}",
            where,
            excess=over,
            fixes=(words.clear(event.who.function, may | over),),
        )


ADMISSION: tuple[tuple[str, Callable[[Rules, Event], Iterator[Reason]]], ...] = (
    ("payload", payload),
    ("events", declared),
    ("cleared", cleared),
)


def admit(rules: Rules, who: Principal, carried: Holding) -> Verdict:
    """Judge one event. `joins` is all that it brings along, new to the environment or not."""
    event = Event(who, carried)
    refused = tuple(reason for _, step in ADMISSION for reason in step(rules, event))
    return Verdict(
        not refused, refused, joins=frozenset(event.label), ways=tuple(event.label.values())
    )
