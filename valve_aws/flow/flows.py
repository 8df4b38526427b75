"""The steps of the judgement that follow labels: what joins, what goes out, and whether it is taken (laws 2,
3, 4, 10, 18).

Knows how labels move in one call. Does not know why else a call may be refused.

Law 5, names are data: keys, ids and attributes of a write are part of what is written and go with its label.
Those of a read leave with the request. The request is delivered to whoever answers for the store: inside the
perimeter that is this stack itself, whose request logs nobody else reads, so a read there needs nothing more.
Where somebody else answers (another host, a store that the stack does not have), the request itself is an
outgoing message: it carries the environment's label, and must be accepted like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from valve_aws.flow import words
from valve_aws.flow.case import Case, Going, found, join, text
from valve_aws.model.cell import Extent, Part, Span
from valve_aws.model.label import ANY, CLEAN, excess, fits, within
from valve_aws.model.source import Where
from valve_aws.model.verdict import Reason, Rule

if TYPE_CHECKING:
    from valve_aws.flow.judge import Judge


def book(judge: Judge, case: Case) -> Iterator[Reason]:
    """Law 7: a book that does not answer for everything it was asked."""
    for extent in case.plan.wants:
        if extent not in case.held:
            yield Reason(Rule.BOOK, f"the label book says nothing about {text(extent)}", store=extent.store)


def reads(judge: Judge, case: Case) -> Iterable[Reason]:
    """Laws 2 and 4: the labels of all that the reply depends on join the environment's."""
    for extent in case.plan.reads:
        carries, still = found(extent, case.held, judge.ceilings)
        if carries:
            join(case.joined, carries.items())
            case.cells[text(extent)] = frozenset(carries)
        if still:
            case.unfilled.append((extent, still))
    return ()


def consults(judge: Judge, case: Case) -> Iterable[Reason]:
    """Law 3: what the service looks at on the way is in what is written."""
    for extent in case.plan.consults:
        carries, still = found(extent, case.held, judge.ceilings)
        if carries:
            join(case.consulted, carries.items())
            case.cells[text(extent)] = frozenset(carries)
        if still:
            case.unfilled.append((extent, still))
    return ()


def fields(judge: Judge, case: Case) -> Iterator[Reason]:
    """Law 18: a tag whose field nothing fills is refused, never guessed."""
    for extent, patterns in case.unfilled:
        store = judge.ceilings.store(extent.store)
        yield Reason(
            Rule.FIELD,
            f"the request does not tell which {', '.join(patterns)} of {store.title} it reads",
            store.where,
            extent.store,
            fixes=("name one key, or a prefix that fills the field",),
        )


def learned(judge: Judge, case: Case) -> Iterator[Reason]:
    """Law 2: a cell may carry more than its ceiling (written in audit, or under an older policy); that is
    refused too.
    """
    cleared, where = judge.ceilings.clearance(case.who.function, case.who.fields)
    over = CLEAN if ANY in cleared else excess(frozenset(case.joined).union(case.consulted), cleared)
    if over:
        yield Reason(
            Rule.CLEARANCE,
            f"{words.tags(over)}; {case.who.function} may learn {words.tags(cleared)}",
            where,
            excess=over,
            fixes=(words.clear(case.who.function, cleared | over),),
        )


def outgoing(judge: Judge, case: Case) -> Iterable[Reason]:
    """Law 3: what is written carries the environment's label and that of all that was consulted."""
    plan, label = case.plan, case.out()
    by_store: dict[str, list[Extent]] = {}
    for extent in plan.changes:
        by_store.setdefault(extent.store, []).append(extent)
    case.goings = [Going(store, tuple(extents), label) for store, extents in by_store.items()]
    case.goings += [
        Going(t, (Extent(t, Part.CONTENT, Span.NEW),), label)
        for t in plan.call.effect.delivers
        if t not in by_store
    ]
    return ()


def asking(judge: Judge, case: Case) -> Iterable[Reason]:
    """Law 5: a request to somebody else carries the environment's label out, also when it only reads."""
    written = {going.store for going in case.goings}
    for store in case.plan.stores:
        if store not in written and judge.perimeter.outside(store) and case.plan.call.operation != "Resolve":
            case.goings.append(
                Going(store, (Extent(store, Part.CONTENT, Span.ALL),), case.who.label, asks=True)
            )
    return ()


def declassify(judge: Judge, case: Case) -> Iterable[Reason]:
    """Law 10: a named function drops named tags on the way to a named place. Only that output is lowered."""
    removable = judge.removable.get(case.who.function)
    if not removable:
        return ()
    rule = judge.policy.functions[case.who.function]
    for going in case.goings:
        drops = frozenset(
            t
            for t in going.label
            if any(within(t, bound) and into.covers(going.store) for bound, into in removable)
        )
        if drops:
            going.label -= drops
            title = judge.ceilings.store(going.store).title
            case.allowed.append(
                Reason(
                    Rule.DECLASSIFY,
                    f"{words.tags(drops)} removed on the way to {title}",
                    rule.where,
                    going.store,
                )
            )
    return ()


def delivered(judge: Judge, case: Case) -> Iterable[Reason]:
    """Law 3: everything that a store delivers on to must take what lands in it, with what the store itself
    holds.
    """
    direct = {going.store: going for going in case.goings if not going.asks}
    for onward in judge.onward(case.plan):
        source = direct.get(onward.source)
        if source is not None:
            label = source.label | onward.holds
            case.goings.append(
                Going(
                    onward.target,
                    (Extent(onward.target, Part.CONTENT, Span.NEW),),
                    label,
                    onward.via,
                    onward.where,
                )
            )
    return ()


def only_to(judge: Judge, case: Case) -> Iterator[Reason]:
    """`only-to`: the tag's own ceiling, that no other line widens."""
    for rule, targets in judge.confined:
        for going in case.goings:
            over = frozenset(t for t in going.label if within(t, rule.tag))
            if over and not targets.covers(going.store):
                title = judge.ceilings.store(going.store).title
                yield Reason(
                    Rule.ONLY_TO,
                    f"{words.tags(over)} may not go to {title}, only to {', '.join(rule.only_to or ()) or 'nowhere'}",
                    rule.where,
                    going.store,
                    over,
                )


def accepts(judge: Judge, case: Case) -> Iterator[Reason]:
    """Law 3: the label must fit the ceiling of every extent that it is written to."""
    for going in case.goings:
        if not going.label:
            continue
        over, ceiling = CLEAN, CLEAN
        for extent in going.extents:
            for piece in judge.ceilings.takes(extent):
                more = CLEAN if fits(going.label, piece) else excess(going.label, piece)
                if more - over:
                    over, ceiling = over | more, piece
        store = judge.ceilings.store(going.store)
        where = going.where if going.where.file else _line(judge, going.store)
        if over:
            title = (
                f"{store.title}, to which {judge.stack.title(going.via)} delivers,"
                if going.via
                else store.title
            )
            yield Reason(
                Rule.ACCEPTS,
                words.too_much(over, title, ceiling),
                where,
                going.store,
                over,
                _fixes(judge, case, going, over),
            )
        else:
            case.allowed.append(
                Reason(Rule.ACCEPTS, f"{words.tags(going.label)} to {store.title}", where, going.store)
            )


def _line(judge: Judge, name: str) -> Where:
    store = judge.ceilings.store(name)
    return store.rule.accepts.where if store.rule.accepts.where.file else store.where


def _fixes(judge: Judge, case: Case, going: Going, over: frozenset[str]) -> tuple[str, ...]:
    came = [w for w in case.ways() if w.tag in over and w.cell is not None]
    keys = judge.ceilings.store(came[0].cell.store).keys if came and came[0].cell else ()
    store = judge.ceilings.store(going.store)
    who = case.who.function
    less = words.leave_out(came, over, judge.stack, keys or ())
    if store.function is not None:
        wider = words.clear(store.function.logical, over | judge.ceilings.takes(going.extents[0])[0])
    else:
        others = (f for f in judge.stack.functions if f != who and judge.grants.touches(f, going.store))
        wider = words.accept(store.title, over, others)
    return (less, wider) if less else (wider,)
