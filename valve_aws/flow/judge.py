"""The judgement: one call, who makes it, what the book holds; a verdict with its reasons (design section 3).

Knows the order of the steps, which is the table of rules. Does not know how a call was read, nor who carries
a verdict out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace

from valve_aws.flow import admission, flows, presigned, rising, walls
from valve_aws.flow.case import Case, Plan, found, plan
from valve_aws.flow.ceilings import filled
from valve_aws.flow.releases import Releases
from valve_aws.flow.rules import Rules
from valve_aws.model.call import Call, Link
from valve_aws.model.cell import CONTENT, NEW, ONE, PREFIX, Extent, Part
from valve_aws.model.label import Label, join
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.ports import Rise
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import ENFORCE, OFF, Held, Holding, Mode, Principal, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table: a name, and what it finds out or refuses. A step that is taken away is a law that
    is gone.
    """

    name: str
    act: Callable[[Rules, Case], Iterable[Reason]]
    idle: Callable[[Rules], bool] = lambda _: False
    """Say that no line of a policy gives the step anything to look at, whatever the call."""


WALLS = (
    Step("credential", walls.credential),
    Step("held", walls.held),
    Step("perimeter", walls.foreign),
    Step("host", walls.host),
    Step("with", walls.demanded, lambda rules: not rules.demanding),
    Step("unknown", walls.unknown),
    Step("configure", walls.configure),
    Step("granted", walls.granted),
    Step("narrowed", walls.narrowed, lambda rules: not rules.narrow),
    Step("from", walls.sources, lambda rules: not rules.sourced),
    Step("clearance", walls.clearance, lambda rules: not rules.cleared),
)
"""What looks at no label. In `enforce` a call that is refused here has looked at no cell, so nothing joins.
"""

OUTCOME = frozenset({"held", "narrowed", "from"})
"""The walls before an outcome of a function that is handed on. The others look at who signed a request, or at
what the function's role grants, which the template's wiring stands for."""

UNREAD = frozenset({"credential", "granted"})
"""The walls that do not stand before what a state machine asks for: no key of ours signs it, and its role is
not read. All others do: whom it asks, and for what, may be data that somebody gave it."""

FLOWS = (
    Step("book", flows.book),
    Step("reads", flows.reads),
    Step("consults", flows.consults),
    Step("fields", flows.fields),
    Step("learned", flows.learned, lambda rules: not rules.cleared),
    Step("outgoing", flows.outgoing),
    Step("asking", flows.asking),
    Step("declassify", flows.declassify, lambda rules: not rules.removable),
    Step("delivered", flows.delivered),
    Step("only-to", flows.only_to, lambda rules: not rules.confined),
    Step("accepts", flows.accepts),
)


class Judge:
    """Compiled once from a policy and a stack; then a function of its arguments."""

    def __init__(self, policy: FlowPolicy, stack: Stack) -> None:
        self._rules = rules = Rules(policy, stack)
        self._releases = Releases(policy)
        self._walls = tuple(step for step in WALLS if not step.idle(rules))
        self._flows = tuple(step for step in FLOWS if not step.idle(rules))
        self._last: Plan | None = None

    def courier(self, own: bool, lowers: bool) -> Judge:
        """Return the judgement of what the platform hands on by the template's own wiring: by its label
        alone, as no function makes that call; `own` says that it is a function's own outcome, which is a
        write of its own as far as the policy narrows those (law 11); `lowers`, that nothing labelled is in
        it but what it says, of which it may remove tags (law 10)."""
        courier = copy(self)
        courier._walls = tuple(step for step in self._walls if own and step.name in OUTCOME)
        courier._flows = tuple(step for step in self._flows if lowers or step.name != "declassify")
        return courier

    def machine(self) -> Judge:
        """Return the judgement of what executions of state machines ask for; none declassifies."""
        machine = self.courier(False, False)
        machine._walls = tuple(step for step in self._walls if step.name not in UNREAD)
        return machine

    def wants(self, call: Call) -> tuple[Extent, ...]:
        """Return every extent that the book must be asked for to decide or settle a call, as the book names
        it.
        """
        return self._plan(call).wants

    def decide(self, call: Call, who: Principal, held: Held, mode: Mode | None = None) -> Verdict:
        """Judge one call. `held` answers `wants`; what is missing in it is a book that does not answer (law
        7).

        `mode` None means the policy's own.
        """
        strength = self._rules.policy.mode if mode is None else mode
        if strength is OFF:
            return Verdict(True)
        case = Case(self._plan(call), who, held)
        refused = [reason for step in self._walls for reason in step.act(self._rules, case)]
        if refused and strength is ENFORCE:
            return Verdict(False, tuple(refused), ways=who.ways)
        return self._follow(case, refused, strength)

    def redecide(self, call: Call, who: Principal, held: Held) -> Verdict:
        """Judge a call whose bytes are still leaving again, with the label that its environment has now.

        The walls stood already and do not move. When it passes, `rises` says what must carry the new label;
        else it is to be cut, and where it is not cut (audit) raised all the same.
        """
        return self._follow(Case(self._plan(call), who, held), [], ENFORCE)

    def _follow(self, case: Case, refused: list[Reason], mode: Mode) -> Verdict:
        for step in self._flows:
            refused.extend(step.act(self._rules, case))
        # Why: who is refused because of a cell has learned something of it (law 14).
        learned = frozenset(case.joined).union(case.consulted if refused else ())
        own = [going.label for going in case.goings if not going.via and not going.asks]
        return Verdict(
            passes=not refused or mode is not ENFORCE,
            refused=tuple(refused),
            allowed=tuple(case.allowed),
            joins=learned - case.who.label,
            writes=join(*own),
            ways=case.ways(),
            rises=rising.extents(self._rules, case),
            cells=case.cells,
            probed=flows.probed(self._rules, case),
        )

    def settle(self, call: Call, who: Principal, held: Held) -> Verdict:
        """Say what joins in the end, with what was held at any time while the call was under way. Never
        lowers.
        """
        case = Case(self._plan(call), who, held)
        for step in self._flows:
            if step.name == "reads":
                step.act(self._rules, case)
        return Verdict(True, joins=frozenset(case.joined) - who.label, ways=case.ways(), cells=case.cells)

    def rises(self, call: Call, verdict: Verdict) -> tuple[Rise, ...]:
        """Return what the book must carry before the first byte leaves.

        For each cell that changes the label of what is written, with the tags that its own name fills (law
        18); for a store that is delivered to, what it is delivered.
        """
        return rising.rises(self._rules, self._plan(call), verdict) if verdict.rises else ()

    def admit(self, who: Principal, carried: Holding) -> Verdict:
        """Law 1: judge an event before the function sees it. `carried` is what its payload carries."""
        return admission.admit(self._rules, who, carried)

    def carried(self, extent: Extent, holding: Holding) -> Holding:
        """Return what a payload taken out of `extent` carries: with its floor, or its ceiling if not
        recognised.

        `complete` False: it cannot be told, and `admit` refuses it.
        """
        ceilings = self._rules.ceilings
        label, still = found(extent, {ceilings.canonical(extent): holding}, ceilings)
        return Holding(frozenset(label), not still, tuple(label.values()))

    def result(self, who: Principal) -> Verdict:
        """Law 11: judge an invocation's result."""
        return self._releases.result(who)

    def log(self, who: Principal, line: str) -> tuple[Verdict, str]:
        """Law 11: judge a log line; with the verdict comes the part of it that may leave into log stores."""
        return self._releases.log(who, line)

    # Links

    def link_walls(self, link: Link, maker: Principal, place: str) -> tuple[Reason, ...]:
        """Law 17: judge a link by what looks at no cell. `maker` is who made it, with the label of what it
        stands in; `place` is the store that it is put into, "" a result."""
        found = list(presigned.ruled(self._rules, link, maker, place))
        if not link.problem:
            case = Case(self._plan(link.call), maker, {})
            found += [reason for step in self._walls for reason in step.act(self._rules, case)]
        return tuple(found)

    def link_flows(
        self, link: Link, maker: Principal, sender: Principal, place: str, held: Held, pinned: bool
    ) -> tuple[Reason, ...]:
        """Law 17: judge a link as the call that it is, by what the book holds of what it opens; `sender` is
        who puts it there, `pinned` that it is good for one version alone."""
        rules = self._rules
        case = Case(self._plan(link.call), maker, held)
        found = [reason for step in self._flows for reason in step.act(rules, case)]
        if place == presigned.RESULT:
            ceiling = filled(self._releases.accepted(sender), sender.fields)
        else:
            ceiling = presigned.ceiling_of(rules, place)
        found += presigned.taken(rules, link, presigned.opened(rules, case, pinned), place, ceiling)
        return tuple(found)

    def link_lives(self, link: Link, maker: Principal, place: str) -> int:
        """Return the most seconds that a link lives once it is released; 0 when it is not."""
        rule = presigned.rule_of(self._rules, link, maker, place)
        return rule.expires if rule else 0

    def link_rises(self, link: Link) -> tuple[Rise, ...]:
        """Return what the book must carry once somebody outside may write by a link: what he puts there it
        cannot recognise, so each cell carries the most that it may hold (law 9)."""
        ceilings = self._rules.ceilings
        return tuple(
            Rise(replace(e, span=NEW, name="") if e.span is PREFIX else e, ceilings.most(e).label)
            for e in link.call.effect.changes
        )

    def outside(self, store: str) -> bool:
        """Say whether a place is beyond this stack, so that a link put there is to work."""
        return not store.startswith("arn:") or self._rules.perimeter.outside(store)

    def asks_body(self, store: str) -> frozenset[str]:
        """Return the pointers into a request's body at which `with` asks for anything."""
        demands = self._rules.ceilings.store(store).rule.demands
        return frozenset(name for name in demands if name.startswith(walls.IN_BODY))

    def takes_links(self, store: str) -> bool:
        """Say whether any line of `may-presign` names a place."""
        return any(targets.covers(store) for targets in self._rules.linked)

    def base(self, store: str, name: str, part: Part = CONTENT) -> Label:
        """Return the label of what the operator puts into one cell: `holds` of its store and of its key.

        What the policy says of attributes is not in it: that is a floor which every look at them adds.
        """
        return self._rules.ceilings.floor(Extent(store, part, ONE, name, frozenset())).label

    def delivered(self, store: str, name: str, label: Label) -> Iterator[tuple[Extent, Label]]:
        """Yield what stands for a cell of the operator's where it is delivered on to, and its label there."""
        own = label | self._rules.ceilings.floor(Extent(store, CONTENT, ONE, name)).label
        for onward in self._rules.reached(store):
            target = self._rules.ceilings.store(onward.target)
            if target.function is None and own | onward.holds:
                for extent in rising.landed(target.book):
                    yield extent, own | onward.holds

    def declares(self, target: str) -> bool:
        """Say whether some line of `stores` names a place."""
        return self._rules.ceilings.store(target).declared

    def _plan(self, call: Call) -> Plan:
        last = self._last
        if last is None or last.call is not call:
            row = self._rules.operations.get((call.service, call.operation))
            last = self._last = plan(call, row, self._rules.ceilings)
        return last
