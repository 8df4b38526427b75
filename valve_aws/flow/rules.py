"""Policy and stack, compiled: what the steps of the judgement look things up in.

Knows who is granted, narrowed, confined and cleared. Does not know any call.
"""

from __future__ import annotations

from valve_aws.flow.case import Plan
from valve_aws.flow.ceilings import Ceilings, filled
from valve_aws.flow.deliveries import Deliveries, Onward
from valve_aws.flow.grants import Grants
from valve_aws.flow.perimeter import Perimeter
from valve_aws.flow.targets import URL, Targets, compile_targets
from valve_aws.model.label import Label
from valve_aws.model.pattern import unify
from valve_aws.model.policy import FlowPolicy, TagRule, Tags
from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.stack import Function, Resource, Stack
from valve_aws.model.verdict import Principal


class Rules:
    """Everything that stands still."""

    def __init__(self, policy: FlowPolicy, stack: Stack) -> None:
        self.policy, self.stack = policy, stack
        self.ceilings = Ceilings(policy, stack)
        self.grants = Grants(stack)
        self.perimeter = Perimeter(policy, stack, self.grants)
        self.operations = {(row.service, row.operation): row for row in policy.operations}
        self._deliveries = Deliveries(stack, self.ceilings)
        self._configure = [(grant, compile_targets(grant.configure)) for grant in policy.grants]
        arns = {name: f.arn for name, f in stack.functions.items()}
        self._woken: dict[str, list[Function]] = {}
        for owner in stack.functions.values():
            for source in dict.fromkeys(trigger.source for trigger in owner.triggers if trigger.source):
                self._woken.setdefault(source, []).append(owner)
        self.narrow: dict[tuple[str, str], Targets] = {}
        """(function, `writes` or `invokes`) → the only targets; absent where the policy does not narrow."""
        for name, rule in policy.functions.items():
            if rule.writes is not None:
                self.narrow[name, "writes"] = compile_targets(rule.writes)
            if rule.invokes is not None:
                self.narrow[name, "invokes"] = compile_targets(arns.get(t, t) for t in rule.invokes)
        self.removable: dict[str, list[tuple[str, Targets]]] = {
            name: [(tag, compile_targets(into)) for tag, into in rule.may_remove.items()]
            for name, rule in policy.functions.items()
            if rule.may_remove
        }
        """Function → (tag, places into which it goes without it)."""
        self.confined: list[tuple[TagRule, Targets]] = [
            (rule, compile_targets(rule.only_to)) for rule in policy.tags.values() if rule.only_to is not None
        ]
        self.linked: tuple[Targets, ...] = tuple(
            compile_targets(line.into) for rule in policy.functions.values() for line in rule.may_presign
        )
        """Where each line of `may-presign` lets links go."""
        self.replaced = frozenset(
            arn
            for arn, owner in stack.by_arn().items()
            if isinstance(owner, Resource)
            and not owner.properties.get("VersioningConfiguration")
            and not self.configurable(arn)
        )
        """Stores that keep no older version of anything, and will not, as no function may have them do it."""
        self.demanding = any(rule.demands for rule in policy.stores)
        """Some line says `with`."""
        self.sourced = any(r.sources is not None for r in policy.stores) or any(
            r.sources is not None for r in policy.functions.values()
        )
        """Some line says `from`."""
        self.cleared = any(rule.clearance is not None for rule in policy.functions.values())
        """Some line says `clearance`."""

    def declares_host(self, name: str) -> bool:
        """Say whether some destination of `stores` is at a host of this name, whatever its port."""
        for rule in self.policy.stores:
            m = URL.fullmatch(rule.target)
            host, colon, port = m[2].rpartition(":") if m else ("", "", "")
            if m and unify(host if colon and port.isdigit() else m[2], name) is not None:
                return True
        return False

    def may_configure(self, function: str, store: str) -> bool:
        """Say whether a line of `grant` lets a function open exits of a store."""
        return any(
            function in grant.functions and targets.covers(store) for grant, targets in self._configure
        )

    def configurable(self, store: str) -> bool:
        """Say whether any function may change how a store is set up."""
        return any(targets.covers(store) for _, targets in self._configure)

    def line_of(self, function: str) -> Where:
        """Return the line of the policy, else of the template, where a function stands."""
        rule, owner = self.policy.functions.get(function), self.stack.functions.get(function)
        return rule.where if rule else owner.where if owner else NOWHERE

    def onward(self, planned: Plan) -> tuple[Onward, ...]:
        """Return every place that what a call writes is delivered on to."""
        return self._deliveries.onward(planned)

    def reached(self, store: str) -> tuple[Onward, ...]:
        """Return every place that what is put into a store is delivered on to, whoever puts it there."""
        return self._deliveries.reached(store)

    def runs(self, store: str) -> tuple[Function, ...]:
        """Return the functions that run when something is put into a store: itself when it is one, and those
        that it wakes.
        """
        itself = self.ceilings.store(store).function
        return (*([itself] if itself else []), *self._woken.get(store, ()))

    def event_tags(self, who: Principal) -> tuple[Label, tuple[str, ...], Where]:
        """Return the tags that the policy gives an event, those that cannot be filled, and the line that says
        so.
        """
        tags = self.policy.events.get(who.trigger, Tags()) if who.trigger else Tags()
        still = tuple(p for p in tags.patterns if not filled(Tags((p,)), who.fields))
        return filled(tags, who.fields), still, tags.where
