"""Where content ends up because it was put somewhere else: the stack's own wiring, followed to its end (law
3).

Knows subscriptions, notifications, replicas, streams and destinations as edges. Does not know what they
carry.
"""

from __future__ import annotations

from dataclasses import dataclass

from valve_aws.flow.case import Plan
from valve_aws.flow.ceilings import Ceilings, fresh, whole
from valve_aws.model.cell import CONTENT
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.source import Where
from valve_aws.model.stack import Delivery, Stack


@dataclass(frozen=True, slots=True)
class Onward:
    """One place that is reached from a store that a call writes to."""

    source: str
    target: str
    via: str
    """The last store on the way."""
    holds: Label
    """What the stores on the way hold by themselves, and what the changed cells do."""
    where: Where


class Deliveries:
    """All edges of a stack."""

    def __init__(self, stack: Stack, ceilings: Ceilings) -> None:
        self._ceilings = ceilings
        self._from: dict[str, list[Delivery]] = {}
        for delivery in stack.deliveries:
            self._from.setdefault(delivery.source, []).append(delivery)
        self._reached: dict[str, tuple[Onward, ...]] = {}

    def onward(self, planned: Plan) -> tuple[Onward, ...]:
        """Return what a call's content is delivered on to. Content alone is: figures and names that only
        change are not.

        A function's own destinations get what an asynchronous event leads to, so a call that waits reaches
        none of them.
        """
        if not self._from:
            return ()
        found: list[Onward] = []
        starts = [e for e in planned.changes if e.part is CONTENT]
        starts += [fresh(target) for target in planned.call.effect.delivers]
        for store in dict.fromkeys(e.store for e in starts):
            if self._ceilings.store(store).function is not None and not planned.call.effect.blind:
                continue
            holds = [self._ceilings.floor(e).label for e in starts if e.store == store]
            found += [
                Onward(o.source, o.target, o.via, o.holds.union(*holds), o.where) for o in self._all(store)
            ]
        return tuple(found)

    def reached(self, store: str) -> tuple[Onward, ...]:
        """Return every place that what is put into a store is delivered on to, whoever puts it there."""
        return self._all(store)

    def _all(self, start: str) -> tuple[Onward, ...]:
        known = self._reached.get(start)
        if known is None:
            if start not in self._from:
                return ()
            known = self._reached[start] = self._walk(start)
        return known

    def _walk(self, start: str) -> tuple[Onward, ...]:
        found: dict[str, Onward] = {}
        ahead: list[tuple[str, Label]] = [(start, CLEAN)]
        while ahead:
            here, holds = ahead.pop(0)
            for edge in self._from.get(here, ()):
                before = found.get(edge.target)
                brought = holds | (before.holds if before else CLEAN)
                if edge.target == start or (before is not None and brought == before.holds):
                    continue
                found[edge.target] = Onward(start, edge.target, here, brought, edge.where)
                ahead.append((edge.target, brought | self._ceilings.floor(whole(edge.target)).label))
        return tuple(found.values())
