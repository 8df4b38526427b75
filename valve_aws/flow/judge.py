"""The judgement: one call, who makes it, what the book holds; a verdict with its reasons (design section 3).

Knows the order of the steps, which is the table of rules. Does not know how a call was read, nor who carries
a verdict out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from valve_aws.flow import admission, flows, walls
from valve_aws.flow.case import Case, Plan, found, in_book, plan
from valve_aws.flow.ceilings import Ceilings, filled
from valve_aws.flow.deliveries import Deliveries, Onward
from valve_aws.flow.grants import Grants
from valve_aws.flow.perimeter import Perimeter
from valve_aws.flow.releases import Releases
from valve_aws.flow.targets import Nearest, Targets, compile_targets
from valve_aws.model.call import Call
from valve_aws.model.cell import Extent, Part, Span
from valve_aws.model.label import CLEAN, Label, join
from valve_aws.model.policy import FlowPolicy, TagRule, Tags
from valve_aws.model.ports import Rise
from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.stack import Resource, Stack
from valve_aws.model.verdict import Held, Holding, Mode, Principal, Reason, Verdict, Way


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table: a name, and what it finds out or refuses. A step that is taken away is a law that
    is gone.
    """

    name: str
    act: Callable[[Judge, Case], Iterable[Reason]]


WALLS = (
    Step("credential", walls.credential),
    Step("perimeter", walls.foreign),
    Step("host", walls.host),
    Step("unknown", walls.unknown),
    Step("configure", walls.configure),
    Step("granted", walls.granted),
    Step("narrowed", walls.narrowed),
    Step("from", walls.sources),
    Step("clearance", walls.clearance),
)
"""What looks at no label. In `enforce` a call that is refused here has looked at no cell, so nothing joins.
"""

FLOWS = (
    Step("book", flows.book),
    Step("reads", flows.reads),
    Step("consults", flows.consults),
    Step("fields", flows.fields),
    Step("learned", flows.learned),
    Step("outgoing", flows.outgoing),
    Step("asking", flows.asking),
    Step("declassify", flows.declassify),
    Step("delivered", flows.delivered),
    Step("only-to", flows.only_to),
    Step("accepts", flows.accepts),
)

REPLACING = frozenset(
    {
        ("s3", "PutObject"),
        ("s3", "CopyObject"),
        ("s3", "DeleteObject"),
        ("dynamodb", "PutItem"),
        ("dynamodb", "DeleteItem"),
    }
)
"""Operations that, when they succeed, leave nothing of the one cell they change. Not here: whatever may
succeed for a part of what it names (batches), change a part of a cell (updates, tags), or answer that it
was done before (CompleteMultipartUpload).
"""


class Judge:
    """Compiled once from a policy and a stack; then a function of its arguments."""

    def __init__(self, policy: FlowPolicy, stack: Stack) -> None:
        self.policy, self.stack = policy, stack
        self.ceilings = Ceilings(policy, stack)
        self.grants = Grants(stack)
        self.perimeter = Perimeter(policy, stack, self.grants)
        self.releases = Releases(policy)
        self._deliveries = Deliveries(stack, self.ceilings)
        self._operations = {(row.service, row.operation): row for row in policy.operations}
        self._configure = [(grant, compile_targets(grant.configure)) for grant in policy.grants]
        self._destinations = Nearest(rule.target for rule in policy.stores)
        self._last: Plan | None = None
        arns = {name: f.arn for name, f in stack.functions.items()}
        self.narrow: dict[tuple[str, str], Targets] = {}
        for name, rule in policy.functions.items():
            if rule.writes is not None:
                self.narrow[name, "writes"] = compile_targets(rule.writes)
            if rule.invokes is not None:
                self.narrow[name, "invokes"] = compile_targets(
                    arns.get(target, target) for target in rule.invokes
                )
        self.removable: dict[str, list[tuple[str, Targets]]] = {
            name: [(tag, compile_targets(into)) for tag, into in rule.may_remove.items()]
            for name, rule in policy.functions.items()
            if rule.may_remove
        }
        self.confined: list[tuple[TagRule, Targets]] = [
            (rule, compile_targets(rule.only_to)) for rule in policy.tags.values() if rule.only_to is not None
        ]

    def wants(self, call: Call) -> tuple[Extent, ...]:
        """Return every extent that the book must be asked for, to decide or settle this call; each once, as
        the book names it.
        """
        return self._plan(call).wants

    def decide(self, call: Call, who: Principal, held: Held, mode: Mode | None = None) -> Verdict:
        """Judge one call. `held` answers `wants`; what is missing in it is a book that does not answer (law
        7).
        """
        strength = self.policy.mode if mode is None else mode
        if strength is Mode.OFF:
            return Verdict(True)
        case = Case(self._plan(call), who, held)
        refused = [reason for step in WALLS for reason in step.act(self, case)]
        if refused and strength is Mode.ENFORCE:
            return Verdict(False, tuple(refused), ways=who.ways)
        return self._verdict(case, refused, strength)

    def redecide(self, call: Call, who: Principal, held: Held) -> Verdict:
        """Judge a call whose bytes are still leaving again, with the label that its environment has now.

        The walls stood already and do not move. When it passes, `rises` says what must carry the new label;
        else it is to be cut, and in audit raised all the same.
        """
        return self._verdict(Case(self._plan(call), who, held), [], Mode.ENFORCE)

    def _verdict(self, case: Case, refused: list[Reason], mode: Mode) -> Verdict:
        for step in FLOWS:
            refused.extend(step.act(self, case))
        # Why: who is refused because of a cell has learned something of it (law 14).
        learned = frozenset(case.joined).union(case.consulted) if refused else frozenset(case.joined)
        own = [going for going in case.goings if not going.via and not going.asks]
        writes = join(*(going.label for going in own))
        return Verdict(
            passes=not refused or mode is not Mode.ENFORCE,
            refused=tuple(refused),
            allowed=tuple(case.allowed),
            joins=learned - case.who.label,
            writes=writes,
            ways=case.ways(),
            rises=self._rising(case),
            cells=case.cells,
        )

    def _rising(self, case: Case) -> tuple[Extent, ...]:
        """Return the extents that will carry what goes out, as the book names them."""
        found: dict[Extent, None] = {}
        for going in case.goings:
            store = self.ceilings.store(going.store)
            if (
                going.asks
                or store.function is not None
                or (not going.label and (going.via or store.destination))
            ):
                continue
            if going.via or going.store not in {e.store for e in case.plan.changes}:
                found[_landed(store.book)] = None
            else:
                found.update(dict.fromkeys(self.ceilings.canonical(e) for e in going.extents))
        return tuple(found)

    def settle(self, call: Call, who: Principal, held: Held) -> Verdict:
        """Return what joins in the end, with what was held at any time while the call was under way. Never
        lowers.
        """
        case = Case(self._plan(call), who, held)
        for step in FLOWS:
            if step.name == "reads":
                list(step.act(self, case))
        return Verdict(True, joins=frozenset(case.joined) - who.label, ways=case.ways(), cells=case.cells)

    def rises(self, call: Call, verdict: Verdict) -> tuple[Rise, ...]:
        """Return what the book must carry before the first byte leaves: for each cell that changes the label
        of what is written, with the tags that its own name fills (law 18); for a store that is delivered
        to, what it is delivered.
        """
        planned = self._plan(call)
        onward: dict[str, Label] = {}
        for each in self.onward(planned):
            book = self.ceilings.store(each.target).book
            onward[book] = onward.get(book, CLEAN) | each.holds
        changed = {self.ceilings.canonical(e): e for e in planned.changes}
        found: list[Rise] = []
        for extent in verdict.rises:
            original = changed.get(extent)
            if original is None:
                found.append(Rise(extent, verdict.writes | onward.get(extent.store, CLEAN), verdict.ways))
            else:
                found += self._rise(planned, original, extent, verdict)
        return tuple(found)

    def _rise(self, planned: Plan, original: Extent, extent: Extent, verdict: Verdict) -> Iterable[Rise]:
        label = verdict.writes | self.ceilings.filled_by_name(original)
        new = self._replaces(planned, original)
        declared = self.ceilings.declared_attributes(original)
        # Why twice: what is not declared is in the item's own cell; every declared attribute has one beside
        # it.
        if original.attributes is None or original.attributes - declared or not declared:
            yield Rise(replace(extent, attributes=None), label, verdict.ways, new)
        if declared and (original.attributes is not None or original.span is Span.ONE):
            yield Rise(replace(extent, attributes=declared), label, verdict.ways, new)

    def _replaces(self, planned: Plan, extent: Extent) -> bool:
        """Say whether the content of a cell is certainly wholly new (law 9); where older versions stay
        readable it is not.
        """
        if (planned.call.service, planned.call.operation) not in REPLACING or extent.version:
            return False
        if extent.part is not Part.CONTENT or extent.span is not Span.ONE or extent.attributes is not None:
            return False
        if any(
            e.store == extent.store
            and e.part is Part.CONTENT
            and (e.span is not Span.ONE or e.name == extent.name)
            for e in planned.call.effect.consults
        ):
            return False
        owner = self.stack.store(extent.store)
        return isinstance(owner, Resource) and not owner.properties.get("VersioningConfiguration")

    def admit(self, who: Principal, carried: Holding) -> Verdict:
        """Law 1: judge an event before the function sees it. `carried` is what its payload carries (see
        `carried`).
        """
        return admission.admit(self, who, carried)

    def carried(self, extent: Extent, holding: Holding) -> Holding:
        """Return what a payload taken out of `extent` carries: floors included, and the ceiling where it is
        not recognised.
        """
        label, still = found(extent, {self.ceilings.canonical(extent): holding}, self.ceilings)
        return Holding(frozenset(label), not still, tuple(label.values()))

    def result(self, who: Principal) -> Verdict:
        """Law 11: judge an invocation's result."""
        return self.releases.result(who)

    def log(self, who: Principal, line: str) -> tuple[Verdict, str]:
        """Law 11: judge a log line; with the verdict, the part of it that may leave into log stores."""
        return self.releases.log(who, line)

    def base(self, store: str, name: str, part: Part = Part.CONTENT) -> Label:
        """Return the label of what the operator puts into one cell: `holds` of its store and of its key.
        Attributes have floors.
        """
        return self.ceilings.floor(Extent(store, part, Span.ONE, name, frozenset())).label

    def declares(self, target: str) -> bool:
        """Say whether some line of `stores` names a place."""
        return self.ceilings.store(target).declared

    def declares_host(self, name: str) -> bool:
        """Say whether some destination is at a host of this name."""
        return any(walls.names_a_host(rule.target, name) for rule in self.policy.stores)

    def may_configure(self, function: str, store: str) -> bool:
        """Say whether a line of `grant` lets a function open exits of a store."""
        return any(
            function in grant.functions and targets.covers(store) for grant, targets in self._configure
        )

    def line_of(self, function: str) -> Where:
        """Return the line of the policy, else of the template, where a function stands."""
        rule, owner = self.policy.functions.get(function), self.stack.functions.get(function)
        return rule.where if rule else owner.where if owner else NOWHERE

    def onward(self, planned: Plan) -> tuple[Onward, ...]:
        """Return every place that what a call writes is delivered on to."""
        return self._deliveries.onward(planned)

    def event_tags(self, who: Principal) -> tuple[Label, tuple[str, ...], Where]:
        """Return the tags that the policy gives an event, those that cannot be filled, and the line that says
        so.
        """
        tags = self.policy.events.get(who.trigger, Tags()) if who.trigger else Tags()
        still = tuple(p for p in tags.patterns if not filled(Tags((p,)), who.fields))
        return filled(tags, who.fields), still, tags.where

    def _plan(self, call: Call) -> Plan:
        last = self._last
        if last is None or last.call is not call:
            last = self._last = plan(
                call, self._operations.get((call.service, call.operation)), self.ceilings
            )
        return last


def _landed(store: str) -> Extent:
    """What a store delivered to another one has no name that we learn; one cell stands for all of it."""
    return Extent(store, Part.CONTENT, Span.ONE, "")


__all__ = ["FLOWS", "WALLS", "Judge", "Step", "Way", "in_book"]
