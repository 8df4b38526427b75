"""The judgement again, short and slow, from the model alone: the laws without texts, ways and prefixes.
Knows one call in one world, and stores without attributes. Does not know the judgement held against it.
"""

from typing import Any

from valve_aws.model.cell import Extent, Part, Span
from valve_aws.model.label import ANY, CLEAN, Label, fill, fits, join, within
from valve_aws.model.pattern import unify
from valve_aws.model.policy import NONE, StoreRule, Tags
from valve_aws.model.verdict import Holding, Rule


class Reference:
    def __init__(self, w: Any) -> None:
        self.w, self.p, self.own = w, w.policy, {f.arn: n for n, f in w.stack.functions.items()}
        self.stack = {*self.own, *(r.arn for r in w.stack.resources.values())}
        self.me, named = w.stack.functions[w.who.function], {r.target for r in w.policy.stores}
        self.ours = self.stack.union(named, *(g.configure for g in w.policy.grants)) | {
            r for s in self.me.statements for r in s.resources if r != "*"}

    def rule(self, s: str) -> StoreRule:
        return next((r for r in self.p.stores if unify(r.target, s) is not None), StoreRule(s))

    def bound(self, e: Extent, most: bool = False, each: bool = False) -> tuple[Label, Label]:
        lists: list[Any] = [(rule := self.rule(e.store), {})]
        if most and e.part is Part.CONTENT and e.store in self.own:
            return frozenset((self.p.functions[self.own[e.store]].clearance or Tags((ANY,))).patterns), CLEAN
        for cell in rule.cells:
            fields = unify(cell.key[""], e.name) if e.span is Span.ONE else None if each else {}
            lists += [] if fields is None else [(cell, fields)]
        both = [(t, f) for r, f in lists for t in (r.holds, r.accepts if most or rule.sealed else NONE)]
        tags = [(p, fields) for listed, fields in both for p in listed.patterns]
        still = frozenset(p for p, fields in tags if "{" in p and not fields)
        return frozenset(fill(p, fields) for p, fields in tags if p not in still), still

    def carries(self, e: Extent) -> tuple[Label, Label]:
        held = self.w.book.get((self.rule(e.store).target, e.part), Holding())
        guess = not held.complete and e.store.startswith("arn:")
        label, still = self.bound(e, guess)
        return label | held.label, still if guess or self.rule(e.store).sealed else CLEAN

    def onward(self, s: str, label: Label) -> list[tuple[Extent, Label]]:
        there = {d.target: self.bound(Extent(d.target))[0] for d in self.w.stack.deliveries if d.source == s}
        return [x for t, f in there.items() for x in [(Extent(t), label), *self.onward(t, label | f)]]

    def lowered(self, s: str, label: Label) -> Label:
        removes = self.p.functions[self.w.who.function].may_remove.items()
        here = [tag for tag, into in removes if any(unify(i, s) is not None for i in into)]
        return frozenset(t for t in label if not any(within(t, tag) for tag in here))

    def decide(self, enforce: bool = True) -> tuple[set[Rule], Label, Label]:
        (cleared, _), call, who = self.bound(Extent(self.me.arn), True), self.w.call, self.w.who
        eff = call.effect
        reads, told = {*eff.reveals}, {e.store for e in eff.reveals}
        reads |= {e for e in eff.changes if not eff.blind and e.store not in told}
        looks, changed = {*eff.consults} - reads, {e.store for e in eff.changes}
        touched = {*call.resources, *eff.delivers, *changed, *(e.store for e in reads | looks)}
        granted = {t for g in self.p.grants if who.function in g.functions for t in g.configure}
        beyond = any(all(unify(t, s) is None for t in self.ours) for s in touched)
        walls = {Rule.CREDENTIAL: call.foreign, Rule.UNKNOWN: not call.known,
                 Rule.HOST if call.service == "valve" else Rule.PERIMETER: beyond,
                 Rule.CONFIGURE: eff.opens and not (changed or {*call.resources} or {""}) <= granted,
                 Rule.CLEARANCE: not all(fits(join(*self.bound(e, True)), cleared) for e in reads | looks)}
        if enforce and any(walls.values()):
            return {rule for rule, broken in walls.items() if broken}, CLEAN, CLEAN
        found = {e: self.carries(e) for e in reads | looks}
        joined, consulted = (join(*(found[e][0] for e in some)) for some in (reads, looks))
        sent, out = (*eff.changes, *map(Extent, eff.delivers)), who.label | joined | consulted
        sends = [(e, self.lowered(e.store, out)) for e in sent]
        outside = {s for s in touched - self.stack - {e.store for e in sent} if ":123456789012:" not in s}
        arrives = sends + [(Extent(s), self.lowered(s, who.label)) for s in outside]
        for e, label in sends:
            arrives += self.onward(e.store, label | self.bound(e)[0]) if e.part is Part.CONTENT else []
        flows = {Rule.FIELD: any(still for _, still in found.values()), Rule.BOOK: self.w.silent and found,
                 Rule.CLEARANCE: not fits(joined | consulted, cleared),
                 Rule.ACCEPTS: not all(fits(label, self.bound(e, True, True)[0]) for e, label in arrives)}
        rules = {rule for table in (walls, flows) for rule, broken in table.items() if broken}
        return rules, (joined | (consulted if rules else CLEAN)) - who.label, join(*dict(sends).values())
