"""What an event carries that LocalStack delivers: by the cells that it names, or by the way that it comes.

Knows the book, the policy's bounds and the function's wiring. Does not know how it is served.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from valve_aws.localstack import arrival as arrivals
from valve_aws.localstack import host
from valve_aws.localstack.arrival import Arrival, Taken
from valve_aws.localstack.marks import Marks
from valve_aws.model.cell import Extent, Span
from valve_aws.model.stack import Function
from valve_aws.model.verdict import Holding, Mode
from valve_aws.passage.driver import Passage

PATIENCE = 2.0
"""Seconds to wait until a write that may be what has arrived is settled in the book; then the cell counts as
not recognised."""

KEPT = 10_000
"""Outcomes that are remembered until a destination has been told of them; of one that is forgotten nobody can
tell what it carries."""


DEFAULT = ":event-bus/default"
STREAM = "AWS::KinesisFirehose::DeliveryStream"

COMPUTED = re.compile(r"(FunctionName|StateMachineArn|Resource)\.\$|\{%")
"""How a definition names what it only computes (Amazon States Language: paths, JSONata)."""


class Origins:
    """The origins of one valve's events. On one loop."""

    def __init__(self, passage: Passage, marks: Marks) -> None:
        self._passage, self._marks = passage, marks
        self.settled = asyncio.Event()
        """Set whenever a call has been settled in the book."""
        self._ended: OrderedDict[str, Holding] = OrderedDict()

    def ended(self, ident: str, learned: Holding) -> None:
        """Take note of what a function that was woken for later had learned by the end, by request id."""
        self._ended[ident] = learned
        while len(self._ended) > KEPT:
            self._ended.popitem(last=False)

    async def beside(self, function: Function, came: Arrival) -> Holding:
        """Return what an event may carry beside the cells that it names, by the way that it comes: what a
        destination is told of, the most that the bus or the state machine may hold, and what is adrift."""
        adrift = Holding(self._marks.adrift)
        if not came.seen and not arrivals.by_url(came.payload):
            # Why: only URLs lead past the gateway; of any other event it is forgotten who asked for it.
            return Holding(adrift.label, complete=False)
        if not came.internal:
            return adrift
        if came.principal == "lambda":
            return both(adrift, self._ended.get(arrivals.told_of(came.payload), Holding(complete=False)))
        stores: Iterable[str] = ()
        if came.principal == "events":
            named = self._passage.stack.functions[function.logical].triggers
            buses = [t.source for t in named if ":events:" in t.source]
            # Why: LocalStack tells the default bus of each execution, with its input and its output.
            told = any(bus.endswith(DEFAULT) for bus in buses)
            stores = [*buses, *(self._definitions() if told else ())]
        elif not came.principal:
            stores = self.askers(function, came)
        return both(adrift, *(self._most(store) for store in dict.fromkeys(stores)))

    def _most(self, store: str) -> Holding:
        """Return what anything may carry that has come through a store: what functions have put there, what
        it holds, and its ceiling where others deliver to it, whose content the book need not know."""
        extent, court = Extent(store), self._passage.court
        if court.mode is Mode.OFF:
            return Holding()
        holding = next(iter(self._passage.book.held([extent]).values()))
        delivered = any(each.target == store for each in self._passage.stack.deliveries)
        return court.judge.carried(extent, replace(holding, complete=not delivered))

    def wired(self, function: Function, store: str) -> bool:
        """Say whether a function has a trigger of a store."""
        return any(t.source == store for t in self._passage.stack.functions[function.logical].triggers)

    def askers(self, function: Function, came: Arrival) -> list[str]:
        """Return the stores that may ask a function for a result where LocalStack does not say which: state
        machines, and delivery streams if they ask in this way."""
        streams = self._of(STREAM) if arrivals.transformed(came.payload) else ()
        return [*self._machines(function), *streams]

    def _machines(self, function: Function) -> list[str]:
        """Return the state machines that may run a function: those that name it, or name none in so many
        words, and those that may start one of these."""
        texts, named = self._definitions(), [function.name]
        found: dict[str, None] = {}
        while named:
            more = [
                arn
                for arn, text in texts.items()
                if arn not in found and (COMPUTED.search(text) or any(name in text for name in named))
            ]
            found |= dict.fromkeys(more)
            named = [arn.rpartition(":")[2] for arn in more]
        return list(found)

    def _definitions(self) -> dict[str, str]:
        found = self._of("AWS::StepFunctions::StateMachine")
        return {arn: str(given.get("DefinitionString") or "") for arn, given in found.items()}

    def _of(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the stores of a kind, by ARN, with their properties."""
        there = self._passage.stack.resources.values()
        return {resource.arn: resource.properties for resource in there if resource.kind == kind}

    async def carried(self, records: Sequence[Taken]) -> Holding:
        """Return what records carry, joined; a cell that the book does not know has its store's ceiling."""
        if self._passage.court.mode is Mode.OFF:
            return Holding()
        found = [await self._held(extent) for record in records for extent in record.extents]
        return both(*found)

    async def _held(self, extent: Extent) -> Holding:
        """Look a cell up, with all that it was before: a record may show an older image.

        Why not at once: what arrives may be faster than the answer to the call that has sent it, which names
        it.
        """
        book, ends = self._passage.book, host.tick() + PATIENCE
        while True:
            holding = next(iter(book.held([extent], 0).values()))
            left = ends - host.tick()
            settled = holding.complete or extent.span is not Span.ONE or not self._marks.busy(extent.store)
            if settled or left <= 0:
                return self._passage.court.judge.carried(extent, holding)
            self.settled.clear()
            try:
                await asyncio.wait_for(self.settled.wait(), min(left, 0.1))
            except TimeoutError:
                continue


def both(*holdings: Holding) -> Holding:
    """Return what several things carry together."""
    label = frozenset().union(*(h.label for h in holdings))
    ways = {way.tag: way for h in reversed(holdings) for way in h.ways}
    return Holding(label, all(h.complete for h in holdings), tuple(ways[tag] for tag in sorted(ways)))
