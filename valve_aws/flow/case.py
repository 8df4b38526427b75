"""One call before the judgement: what it reads, consults, changes, and what has been found out about it so
far.

Knows extents and labels. Does not know any rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from valve_aws.flow.ceilings import Bound, Ceilings
from valve_aws.model.call import Call
from valve_aws.model.cell import CONFIG, CONTENT, ONE, PREFIX, Cell, Extent
from valve_aws.model.label import Label, Tag
from valve_aws.model.policy import OperationRule
from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.value import value
from valve_aws.model.verdict import Held, Holding, Principal, Reason, Way

Found = dict[Tag, Way]
"""Tag → how it came."""


@value
class Plan:
    """One call, worked out from the request and the policy alone."""

    call: Call
    declared: OperationRule | None
    """The line of `operations` that stands in for a missing row, or adds to one."""
    reads: tuple[Extent, ...]
    """What the reply may depend on: what is revealed, and what a write changes that nothing proves blind (law
    4).
    """
    consults: tuple[Extent, ...]
    """What the service looks at beside that, so that it is in what is written (law 3)."""
    changes: tuple[Extent, ...]
    stores: tuple[str, ...]
    """Every place that is touched, each once."""
    wants: tuple[Extent, ...]
    """What the book is asked, under its own names."""


def plan(call: Call, declared: OperationRule | None, ceilings: Ceilings) -> Plan:
    """Work out one call. A name look-up reads and changes nothing: the valve answers it itself and forwards
    none.
    """
    if call.service == "valve" and call.operation == "Resolve":
        return Plan(call, None, (), (), (), call.resources, ())
    effect = call.effect
    reveals, changes = effect.reveals, effect.changes
    if declared is not None:
        reveals += tuple(Extent(target) for target in declared.reveals)
        changes += tuple(Extent(target) for target in declared.writes)
    if changes and not effect.blind:
        reveals += _unproven(reveals, changes)
    reads = tuple(dict.fromkeys(reveals)) if reveals else ()
    consults = tuple([e for e in dict.fromkeys(effect.consults) if e not in reads]) if effect.consults else ()
    looks = reads + consults
    stores = tuple(dict.fromkeys([*call.resources, *[e.store for e in looks + changes]]))
    wants = tuple(dict.fromkeys([ceilings.canonical(e) for e in looks if in_book(e, ceilings)]))
    return Plan(call, declared, reads, consults, changes, stores, wants)


def _unproven(reveals: tuple[Extent, ...], changes: tuple[Extent, ...]) -> tuple[Extent, ...]:
    """Return what a write that is not blind is also a read of (law 4).

    Why not where the row says what of that store its answer reveals: rows are tried for exactly that, and a
    condition on one attribute would else taint its writer with every other.
    """
    told = {extent.store for extent in reveals}
    return tuple([extent for extent in changes if extent.store not in told])


def in_book(extent: Extent, ceilings: Ceilings) -> bool:
    """Say whether the book keeps an extent. A payload of a function of ours is carried to it with its label
    instead.
    """
    return extent.part is not CONTENT or ceilings.store(extent.store).function is None


@dataclass(slots=True)
class Going:
    """Something that goes to one place with one label."""

    store: str
    extents: tuple[Extent, ...]
    label: Label
    via: str = ""
    """The store that delivers it on, "" when the call itself puts it there."""
    where: Where = NOWHERE
    handed: bool = False
    """The request names it as the place that the service hands the content to."""
    asks: bool = False
    """Only the request itself goes there: somebody else's store is read."""


@dataclass(slots=True)
class Case:
    """What the steps of the judgement find out, one after the other."""

    plan: Plan
    who: Principal
    held: Held
    joined: Found = field(default_factory=dict)
    consulted: Found = field(default_factory=dict)
    unfilled: list[tuple[Extent, tuple[str, ...]]] = field(default_factory=list)
    goings: list[Going] = field(default_factory=list)
    allowed: list[Reason] = field(default_factory=list)
    cells: dict[str, Label] = field(default_factory=dict)

    def out(self) -> Label:
        """Return the label of what the call sends: all that the environment knows, and all that the service
        looks at.
        """
        label = self.who.label
        return label.union(self.joined, self.consulted) if self.joined or self.consulted else label

    def ways(self) -> tuple[Way, ...]:
        """Return for each tag of the case how it came, the environment's own first."""
        if not self.joined and not self.consulted:
            return self.who.ways
        found = {way.tag: way for way in self.who.ways}
        for more in (self.joined, self.consulted):
            for tag, way in more.items():
                found.setdefault(tag, way)
        return tuple(found.values())


def found(extent: Extent, held: Held, ceilings: Ceilings) -> tuple[Found, tuple[str, ...]]:
    """Return what an extent carries now, and the tag patterns of it that cannot be filled (law 18).

    The floor of the policy and what the book knows; where there may be content that the book does not
    recognise, the ceiling (law 9); in a sealed store the ceiling always. Of a destination only what is
    declared and what traced calls brought there: nothing in it could be recognised.
    """
    floor = ceilings.floor(extent)
    holding = held.get(ceilings.canonical(extent), NOTHING)
    if holding.complete and not floor.label and not floor.open and not holding.label:
        return {}, ()
    store = ceilings.store(extent.store)
    bound, still = floor, floor.open if store.rule.sealed else ()
    if (
        not holding.complete
        and not store.destination
        and extent.part is not CONFIG
        and store.function is None
    ):
        bound = ceilings.most(extent)
        still = bound.open
    return _ways(extent, bound, holding), still


NOTHING = Holding()


def _ways(extent: Extent, bound: Bound, holding: Holding) -> Found:
    """Name for each tag the cell and the line, or the record, that it came by; the book's word goes before
    the line's.
    """
    came: Found = {}
    known = {way.tag: way for way in holding.ways}
    name = extent.name if extent.span is ONE else ""
    for tag in bound.label:
        attribute, where = bound.places.get(tag, ("", NOWHERE))
        way = known.get(tag)
        if way is None:
            came[tag] = Way(tag, Cell(extent.store, name, extent.part, attribute), where)
        else:
            came[tag] = Way(tag, way.cell, way.where if way.where.file else where, way.record)
    for tag in holding.label:
        if tag not in came:
            came[tag] = known.get(tag) or Way(tag, Cell(extent.store, name, extent.part))
    return came


def join(into: Found, more: Iterable[tuple[Tag, Way]]) -> None:
    """Add tags; of two ways the one that came first stays."""
    for tag, way in more:
        into.setdefault(tag, way)


def text(extent: Extent) -> str:
    """Return an extent as a record shows it."""
    what = "" if extent.part is CONTENT else f" ({extent.part})"
    tail = ""
    if extent.span is PREFIX:
        tail = f"/{extent.name}*"
    elif extent.span is ONE and extent.name:
        tail = f"/{extent.name}"
    touched = f".{{{','.join(sorted(extent.attributes))}}}" if extent.attributes else ""
    return f"{extent.store}{tail}{touched}{what}"
