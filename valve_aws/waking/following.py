"""How far a mapping has read a stream, and what each record carries that it has read.

Knows shards, iterators and the book. Does not know what becomes of a record.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from valve_aws.aws import names
from valve_aws.clock import Clock, Timer
from valve_aws.course import commands as ask
from valve_aws.model.cell import Cell, Extent, one
from valve_aws.model.ports import Tables
from valve_aws.model.stack import Trigger
from valve_aws.model.verdict import Holding, Mode, Way
from valve_aws.passage.driver import Passage
from valve_aws.triggers import fits, streams
from valve_aws.triggers.streams import Rules, Taken
from valve_aws.waking.queues import KEPT

READ = 1000
"""Records of one GetRecords (DynamoDB Streams API; of a data stream up to ten times that)."""


@dataclass(slots=True)
class Batch:
    """Records that go into one event."""

    records: tuple[Taken, ...]
    tries: int = 0
    learned: Holding = Holding()
    """What was known when it failed before: that it comes again is told by that."""


@dataclass(slots=True)
class Lane:
    """Records of one shard that keep their order among themselves."""

    waiting: list[Taken] = field(default_factory=list)
    again: list[Batch] = field(default_factory=list)
    """Batches that come before what waits."""
    until: float = 0.0
    """When the first of them is tried again."""
    busy: bool = False
    waited: Holding = Holding()
    """What was known when those failed that the rest had to wait for."""


@dataclass(slots=True)
class Window:
    """One tumbling window of a shard."""

    state: Any
    holding: Holding
    cause: str = ""


@dataclass(slots=True)
class Tail:
    """How far a mapping has read one shard."""

    trigger: Trigger
    rules: Rules
    stream: str
    """ARN, of a table its stream's."""
    shard: str
    iterator: str
    lanes: tuple[Lane, ...]
    since: float = 0.0
    """What arrived before is passed over."""
    skip: int = 0
    stamp: int = 0
    """When the book was looked at before what is read next was written."""
    gathers: Timer | None = None
    windows: dict[float, Window] = field(default_factory=dict)

    @property
    def store(self) -> str:
        """Return the ARN of what the stream is of."""
        return self.stream.partition("/stream/")[0] if ":dynamodb:" in self.stream else self.stream


class Following:
    """The readers of one run. On one loop."""

    def __init__(
        self,
        passage: Passage,
        tables: Tables,
        seeded: Callable[[str], int],
        began: Callable[[], float],
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        """`seeded` says how many items a table was given before anything happened; `began` since when what
        is in a stream is of this run, 0 when all of it is."""
        self._passage, self._tables, self._seeded, self._say = passage, tables, seeded, say
        self._clock = clock
        self._began = began
        self._tails: dict[tuple[str, str, str], list[Tail]] = {}
        self._known: OrderedDict[str, Holding] = OrderedDict()
        """Record of a data stream, by its stream and number → what it carries."""

    def forget(self) -> None:
        """Forget how far anything was read."""
        self._tails.clear()
        self._known.clear()

    def happened(self, command: ask.Forward, reply: ask.Reply) -> None:
        """Take note of what records of a data stream carry, by the numbers that they were given."""
        call = command.call
        if call.service != "kinesis" or call.operation not in {"PutRecord", "PutRecords"}:
            return
        stream = next(iter(call.resources), "")
        try:
            answer = json.loads(reply.body[2]) if len(reply.body) == 3 else {}
        except (ValueError, RecursionError):
            answer = {}
        for each in answer.get("Records") or [answer]:
            cell = Cell(stream, str(each.get("SequenceNumber") or ""))
            ways = tuple(Way(way.tag, cell, way.where, command.record) for way in command.ways)
            self._known[str(cell)] = Holding(command.carries, True, ways)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    async def tails(self, trigger: Trigger) -> list[Tail]:
        """Return the shards of a mapping's source, read on from where it was, by what it says now."""
        key = (trigger.function, trigger.name, trigger.source)
        if key not in self._tails:
            self._tails[key] = [tail async for tail in self._opened(trigger)]
        for tail in self._tails[key]:
            tail.trigger, tail.rules = trigger, Rules.of(trigger.properties)
            # Why only then: what has begun in one lane may not overtake itself in another.
            if not any(lane.busy or lane.again or lane.waiting for lane in tail.lanes):
                tail.lanes = _lanes(tail.rules)
        return self._tails[key]

    async def _opened(self, trigger: Trigger) -> AsyncIterator[Tail]:
        """Yield each shard of a mapping's source, from its beginning: what stood there before the mapping was
        is passed over afterwards."""
        operate, rules = self._passage.operate, Rules.of(trigger.properties)
        latest = str(trigger.properties.get("StartingPosition") or "LATEST") == "LATEST"
        if trigger.kind == "DynamoDB":
            table = trigger.source.partition("/stream/")[0]
            told = await operate("dynamodb", "DescribeTable", {"TableName": table.rpartition("/")[2]})
            stream = str(told["Table"].get("LatestStreamArn") or "")
            if not stream:
                self._say(f"valve: {trigger.function}.{trigger.name}: the table has no stream")
                return
            found = await operate("dynamodbstreams", "DescribeStream", {"StreamArn": stream})
            shards, skip = found["StreamDescription"]["Shards"], self._seeded(table) if latest else 0
        else:
            stream, skip = trigger.source, 0
            found = await operate("kinesis", "ListShards", {"StreamName": stream.rpartition("/")[2]})
            shards = found["Shards"]
        for shard in shards:
            ident = str(shard["ShardId"])
            iterator = await self._iterator(stream, ident)
            since = self._since(trigger)
            yield Tail(trigger, rules, stream, ident, iterator, _lanes(rules), since, skip)

    def _since(self, trigger: Trigger) -> float:
        """Return when what a mapping reads first may have arrived at the soonest: a time that it says, else
        when it was made, unless it asks for all."""
        told = trigger.properties
        position = str(told.get("StartingPosition") or "LATEST")
        made = 0.0 if position == "TRIM_HORIZON" else float(told.get("LastModified") or 0)
        if position == "AT_TIMESTAMP":
            made = streams.seconds(told.get("StartingPositionTimestamp"))
        return max(made, self._began()) - 1

    async def _iterator(self, stream: str, shard: str) -> str:
        asked = {"ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if ":dynamodb:" in stream:
            given, service = {**asked, "StreamArn": stream}, "dynamodbstreams"
        else:
            given, service = {**asked, "StreamName": stream.rpartition("/")[2]}, "kinesis"
        return str((await self._passage.operate(service, "GetShardIterator", given))["ShardIterator"])

    async def read(self, tail: Tail) -> None:
        """Read all that is there; each record has its label by then.

        Invariant: what came since the last look is labelled by all that held since the last look, in however
        many goes it is read.
        """
        service = "dynamodbstreams" if ":dynamodb:" in tail.stream else "kinesis"
        while tail.iterator:
            stamp = self._passage.book.stamp()
            told = {"ShardIterator": tail.iterator, "Limit": READ}
            answer = await self._passage.operate(service, "GetRecords", told)
            tail.iterator = str(answer.get("NextShardIterator") or "")
            records = answer.get("Records") or []
            for record in records[min(tail.skip, len(records)) :]:
                taken = self._taken(tail, record)
                if taken is not None and taken.arrived >= tail.since and self._wanted(tail, taken):
                    tail.lanes[streams.lane(taken.key, len(tail.lanes))].waiting.append(taken)
            tail.skip = max(0, tail.skip - len(records))
            # Why not by their count: a backend may give fewer than are there, for their size.
            if not records or (service == "kinesis" and len(records) < READ):
                tail.stamp = stamp
                return

    def _taken(self, tail: Tail, record: dict[str, Any]) -> Taken | None:
        region = self._passage.court.region
        if ":kinesis:" in tail.stream:
            reader = self._passage.stack.functions.get(tail.trigger.function)
            role = reader.role if reader else str(tail.trigger.properties.get("RoleArn") or "")
            shown = streams.of_stream(record, tail.stream, tail.shard, region, role)
            number, arrived = str(record["SequenceNumber"]), shown["kinesis"]["approximateArrivalTimestamp"]
            holding = self._of_stream(tail.stream, number)
            key = str(record["PartitionKey"])
            return Taken(shown, holding, number, key, arrived, self._clock.ours(arrived))
        if streams.unchanged(record):
            return None
        shown = streams.of_table(record, tail.stream, region)
        change = record["dynamodb"]
        key, holding = self._of_table(tail, change["Keys"])
        arrived = shown["dynamodb"]["ApproximateCreationDateTime"]
        number = str(change["SequenceNumber"])
        return Taken(shown, holding, number, key, arrived, self._clock.ours(arrived))

    def _of_table(self, tail: Tail, keys: dict[str, Any]) -> tuple[str, Holding]:
        """Return an item's name and what its record carries: both images (law 9), so all that the item was
        since the last look."""
        schema = self._tables(tail.store)
        name = json.dumps(keys, sort_keys=True) if schema is None else names.item(streams.typed(keys), schema)
        if self._passage.court.mode is Mode.OFF:
            return name, Holding()
        extent = Extent(tail.store) if schema is None else one(tail.store, name)
        return name, self._held(extent, tail.stamp)

    def _of_stream(self, stream: str, number: str) -> Holding:
        """Return what a record carries; of one whose call is not known, all that the stream does."""
        court = self._passage.court
        if court.mode is Mode.OFF:
            return Holding()
        known = self._known.get(str(Cell(stream, number)))
        return court.judge.carried(Extent(stream), known) if known else self._held(Extent(stream), 0)

    def _held(self, extent: Extent, since: int) -> Holding:
        holding = next(iter(self._passage.book.held([extent], since).values()))
        return self._passage.court.judge.carried(extent, holding)

    def _wanted(self, tail: Tail, taken: Taken) -> bool:
        trigger = tail.trigger
        try:
            return fits(taken.record, trigger.properties)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self._say(f"valve: {trigger.function}.{trigger.name}: its filter cannot be read: {error}")
            return True


def _lanes(rules: Rules) -> tuple[Lane, ...]:
    """Return the lanes of a shard, each with nothing in it."""
    return tuple(Lane() for _ in range(1 if rules.tumbling else rules.lanes))
