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

from valve_aws.flow import words
from valve_aws.flow.case import Case, Going, found, join
from valve_aws.flow.case import text as written
from valve_aws.flow.ceilings import fresh, whole
from valve_aws.flow.rules import Rules
from valve_aws.model.cell import CONFIG, CONTENT, Extent
from valve_aws.model.label import ANY, CLEAN, excess, fits, within
from valve_aws.model.verdict import Reason, Rule


def book(_: Rules, case: Case) -> Iterable[Reason]:
    """Law 7: a book that does not answer for everything it was asked."""
    return [
        Reason(Rule.BOOK, f"the label book says nothing about {written(extent)}", store=extent.store)
        for extent in case.plan.wants
        if extent not in case.held
    ]


def reads(rules: Rules, case: Case) -> Iterable[Reason]:
    """Laws 2 and 4: the labels of all that the reply depends on join the environment's."""
    for extent in case.plan.reads:
        carries, still = found(extent, case.held, rules.ceilings)
        if carries:
            join(case.joined, carries.items())
            case.cells[written(extent)] = frozenset(carries)
        if still:
            case.unfilled.append((extent, still))
    return ()


def consults(rules: Rules, case: Case) -> Iterable[Reason]:
    """Law 3: what the service looks at on the way is in what is written."""
    for extent in case.plan.consults:
        carries, still = found(extent, case.held, rules.ceilings)
        if carries:
            join(case.consulted, carries.items())
            case.cells[written(extent)] = frozenset(carries)
        if still:
            case.unfilled.append((extent, still))
    return ()


def fields(rules: Rules, case: Case) -> Iterable[Reason]:
    """Law 18: a tag whose field nothing fills is refused, never guessed."""
    found: list[Reason] = []
    for extent, patterns in case.unfilled:
        store = rules.ceilings.store(extent.store)
        text = f"the request does not tell which {', '.join(patterns)} of {store.title} it reads"
        fixes = ("name one key, or a prefix that fills the field",)
        found.append(Reason(Rule.FIELD, text, store.where, extent.store, fixes=fixes))
    return found


def learned(rules: Rules, case: Case) -> Iterator[Reason]:
    """Law 2: a cell may carry more than its ceiling, since audit or an older policy: refused too."""
    cleared, where = rules.ceilings.clearance(case.who.function, case.who.fields)
    over = CLEAN if ANY in cleared else excess(frozenset(case.joined).union(case.consulted), cleared)
    if over:
        yield Reason(
            Rule.CLEARANCE,
            f"{words.tags(over)}; {case.who.function} may learn {words.tags(cleared)}",
            where,
            excess=over,
            fixes=(words.clear(case.who.function, cleared | over),),
        )


def outgoing(_: Rules, case: Case) -> Iterable[Reason]:
    """Law 3: what is written carries the environment's label and that of all that was consulted."""
    plan, label = case.plan, case.out()
    by_store: dict[str, list[Extent]] = {}
    for extent in plan.changes:
        by_store.setdefault(extent.store, []).append(extent)
    case.goings = [Going(store, tuple(extents), label) for store, extents in by_store.items()]
    if plan.call.effect.delivers:
        written = {extent.store for extent in plan.changes if extent.part is CONTENT}
        handed = [target for target in plan.call.effect.delivers if target not in written]
        case.goings += [Going(target, (fresh(target),), label, handed=True) for target in handed]
    return ()


def asking(rules: Rules, case: Case) -> Iterable[Reason]:
    """Law 5: a request to somebody else carries the environment's label out, also when it only reads."""
    written = [going.store for going in case.goings]
    for store in case.plan.stores:
        if store not in written and rules.perimeter.outside(store) and case.plan.call.operation != "Resolve":
            case.goings.append(Going(store, (whole(store),), case.who.label, asks=True))
    return ()


def declassify(rules: Rules, case: Case) -> Iterable[Reason]:
    """Law 10: a named function drops named tags on the way to a named place. Only that output is lowered."""
    removable = rules.removable.get(case.who.function)
    if not removable:
        return ()
    rule = rules.policy.functions[case.who.function]
    for going in case.goings:
        here = [bound for bound, into in removable if into.covers(going.store)]
        drops = frozenset(t for t in going.label if any(within(t, bound) for bound in here))
        if drops:
            going.label -= drops
            text = f"{words.tags(drops)} removed on the way to {rules.ceilings.store(going.store).title}"
            case.allowed.append(Reason(Rule.DECLASSIFY, text, rule.where, going.store))
    return ()


def delivered(rules: Rules, case: Case) -> Iterable[Reason]:
    """Law 3: everything that a store delivers on to must take what lands there, and what the store holds.

    Where the call itself sets a store up to deliver, all that may ever be in it goes there from then on.
    """
    reached, effect = rules.onward(case.plan), case.plan.call.effect
    if reached:
        direct = {going.store: going.label for going in case.goings if not going.asks}
        for onward in reached:
            if onward.source in direct:
                label = direct[onward.source] | onward.holds
                target = onward.target
                case.goings.append(Going(target, (fresh(target),), label, onward.via, onward.where))
    if effect.opens:
        for store in dict.fromkeys([e.store for e in case.plan.changes if e.part is CONFIG]):
            stays = rules.ceilings.most(whole(store)).widest()
            case.goings += [
                Going(target, (fresh(target),), stays, store) for target in effect.delivers if stays
            ]
    return ()


def only_to(rules: Rules, case: Case) -> Iterator[Reason]:
    """`only-to`: the tag's own ceiling, that no other line widens."""
    for rule, targets in rules.confined:
        for going in case.goings:
            over = frozenset(t for t in going.label if within(t, rule.tag))
            if over and not targets.covers(going.store):
                text = words.confined(over, rule, rules.ceilings.store(going.store).title)
                yield Reason(Rule.ONLY_TO, text, rule.where, going.store, over)


def accepts(rules: Rules, case: Case) -> Iterator[Reason]:
    """Law 3: the label must fit the ceiling of every extent that it is written to."""
    for going in case.goings:
        if not going.label:
            continue
        over, ceiling = CLEAN, CLEAN
        for extent in going.extents:
            for piece in rules.ceilings.takes(extent):
                if fits(going.label, piece):
                    continue
                more = excess(going.label, piece)
                if more - over:
                    over, ceiling = over | more, piece
        store = rules.ceilings.store(going.store)
        where = going.where if going.where.file else store.line
        if over:
            via = f", to which {rules.stack.title(going.via)} delivers," if going.via else ""
            yield Reason(
                Rule.ACCEPTS,
                words.too_much(over, store.title + via, ceiling),
                where,
                going.store,
                over,
                _fixes(rules, case, going, over),
            )
        else:
            case.allowed.append(
                Reason(Rule.ACCEPTS, f"{words.tags(going.label)} to {store.title}", where, going.store)
            )


def probed(rules: Rules, case: Case) -> tuple[str, ...]:
    """Return the stores that could hold more, under the policy, than the call was found to look at.

    Why it matters: whoever stays clean has learned that no labelled function wrote there (E07). In a sealed
    store there is nothing more, as everything there carries all of it. Why a refused call counts too: its
    caller would have been tainted by what it looked at.
    """
    found: dict[str, None] = {}
    label = case.who.label.union(case.joined) if case.joined else case.who.label
    for extent in case.plan.reads + case.plan.consults:
        store = rules.ceilings.store(extent.store)
        if not store.rule.sealed and store.function is None:
            most = rules.ceilings.most(extent).widest()
            if not fits(most, label):
                found[extent.store] = None
    return tuple(found)


def _fixes(rules: Rules, case: Case, going: Going, over: frozenset[str]) -> tuple[str, ...]:
    came = [w for w in case.ways() if w.tag in over and w.cell is not None]
    keys = rules.ceilings.store(came[0].cell.store).keys if came and came[0].cell else ()
    store = rules.ceilings.store(going.store)
    who = case.who.function
    less = words.leave_out(came, over, rules.stack, keys or ())
    if store.function is not None:
        wider = words.clear(store.function.logical, over | rules.ceilings.takes(going.extents[0])[0])
    else:
        others = (f for f in rules.stack.functions if f != who and rules.grants.sends(f, going.store))
        wider = words.accept(store.title, over.union(store.rule.accepts.patterns), others)
    return (less, wider) if less else (wider,)
