"""What happens in a store and has others told: objects that came or went, messages of a topic, events on a
bus, schedules.

Knows who is wired to what by the stack as it is now. Does not know what a service's events look like, nor
what becomes of one that is handed on.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from valve_aws.clock import Clock
from valve_aws.course import commands as ask
from valve_aws.course.subject import Subject
from valve_aws.model.cell import Cell, Extent, Part, one
from valve_aws.model.ports import Outcome
from valve_aws.model.record import Record
from valve_aws.model.source import NOWHERE
from valve_aws.model.stack import Function, Resource, Trigger
from valve_aws.model.verdict import Holding, Mode, Way
from valve_aws.passage.driver import Passage
from valve_aws.triggers import afterwards, buses, objects, schedules, streams, topics
from valve_aws.triggers.sending import Parcel, asked
from valve_aws.waking.deferring import Deferring
from valve_aws.waking.delivering import Delivering

PLATFORM = "platform"
"""Who hands on, in records; it has no environment, and is no function."""

PENDING = 1_000
"""Calls that are remembered until they are settled."""

@dataclass(frozen=True, slots=True)
class News:
    """Something that others are told of."""

    store: str
    """ARN of where it happened."""
    holding: Holding
    cause: str
    """The record of the call that brought it about."""


class Spreading:
    """Everything of one run that is handed on when it happens. On one loop."""

    def __init__(
        self,
        passage: Passage,
        clock: Clock,
        deferring: Deferring,
        delivering: Delivering,
        looping: Callable[[str], bool],
        say: Callable[[str], None],
        fresh: Callable[[], str],
        embedded: bool,
    ) -> None:
        """`looping` says whether a chain of causes is too long; `embedded`: nobody else delivers from one
        store to another."""
        self._passage, self._clock, self._deferring, self._delivering = passage, clock, deferring, delivering
        self._looping, self._say, self._fresh, self._embedded = looping, say, fresh, embedded
        self._pending: OrderedDict[str, tuple[ask.Forward, ask.Reply]] = OrderedDict()
        self._told: set[str] = set()

    def happened(self, command: ask.Forward, reply: ask.Reply) -> None:
        """Keep a call that may have others told, until it is settled."""
        if command.call.service in READERS and command.call.effect.changes:
            self._pending[command.record] = command, reply
            while len(self._pending) > PENDING:
                self._pending.popitem(last=False)

    def settled(self, record: Record) -> Coroutine[Any, Any, None] | None:
        """Return what hands on what comes of a call that was done; None where nobody is to be told."""
        command, reply = self._pending.pop(record.ident, (None, None))
        if not command or not reply or record.outcome != "done" or reply.outcome is not Outcome.DONE:
            return None
        if command.call.service == "s3" and not self._listened(_bucket(command)):
            return None
        # Why what was written in the end: the label may have risen while the call was under way (law 3).
        carries = command.carries | record.writes
        return self._told_all(replace(command, carries=carries), reply)

    async def _told_all(self, command: ask.Forward, reply: ask.Reply) -> None:
        try:
            await READERS[command.call.service](self, command, reply)
        except RecursionError:  # Why here: JSON that can be read may be too deep to be written again
            self._say("valve: what happened is told to nobody: it is nested too deeply")

    def forget(self) -> None:
        """Forget what has happened."""
        self._pending.clear()

    def _news(self, command: ask.Forward, extent: Extent) -> News:
        """Return what is told of a call: it carries what was written, and what its store holds."""
        if self._passage.court.mode is Mode.OFF:
            return News(extent.store, Holding(), command.record)
        cell = Cell(extent.store, extent.name)
        where = {way.tag: way.where for way in command.ways}
        ways = tuple(
            Way(tag, cell, where.get(tag, NOWHERE), command.record) for tag in sorted(command.carries)
        )
        carried = self._passage.court.judge.carried(extent, Holding(command.carries, True, ways))
        return News(extent.store, carried, command.record)

    # Buckets

    async def bucket(self, command: ask.Forward, reply: ask.Reply) -> None:
        """Tell of objects that came or went."""
        call = command.call
        marked = headers_of(reply).get("x-amz-delete-marker") == "true"
        store = _bucket(command)
        for name, key in objects.names(call.operation, call.params, marked):
            stamp, news = self._passage.book.stamp(), self._news(command, one(store, key))
            happened = await self._object(command, name, key, store)
            if happened.size is not None:
                news = self._seen(news, one(store, key), stamp)
            await self._told_of(happened, news)

    def _seen(self, news: News, extent: Extent, stamp: int) -> News:
        """Return news with all that a cell carried since it was looked at: by then it may be another's."""
        if self._passage.court.mode is Mode.OFF:
            return news
        held = self._passage.book.held([extent], stamp)[extent]
        known = Holding(held.label, True, held.ways)
        return replace(news, holding=streams.carried((news.holding, known)))

    async def _object(self, command: ask.Forward, name: str, key: str, store: str) -> objects.Happened:
        bucket, region = store.rpartition(":")[2], command.call.region or self._passage.court.region
        time = afterwards.stamp(self._clock.now())
        found = objects.Happened(name, bucket, key, time, command.record, region)
        if not name.startswith("ObjectCreated"):
            return found
        status, told = await self._passage.looked("s3", "HeadObject", {"Bucket": bucket, "Key": key})
        if status != 200:
            return found
        version = told.get("x-amz-version-id", "")
        size, etag = int(told.get("content-length") or 0), told.get("etag", "").strip('"')
        return replace(found, size=size, etag=etag, version="" if version == "null" else version)

    async def _told_of(self, happened: objects.Happened, news: News) -> None:
        for function, trigger in self._woken("S3", news.store):
            if objects.wanted(happened.name, happened.key, trigger.properties):
                event = {"Records": [objects.record(happened, trigger.name)]}
                self._wake(function, trigger, event, news)
        notices = self._notices(news.store)
        for key, member in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")):
            for told in notices.get(key) or ():
                if objects.wanted(happened.name, happened.key, told):
                    event = {"Records": [objects.record(happened, str(told.get("Id") or member))]}
                    await self._send(str(told.get(member)), Parcel(json.dumps(event).encode()), news)
        if "EventBridgeConfiguration" in notices:
            kind, detail = objects.detail(happened)
            entry = {"Source": "aws.s3", "DetailType": kind, "Detail": json.dumps(detail)}
            event = self._event({**entry, "Resources": [news.store]})
            await self._on_bus("default", event, news)

    def _notices(self, store: str) -> Mapping[str, Any]:
        found = self._properties(store).get("NotificationConfiguration")
        return found if isinstance(found, Mapping) else {}

    def _listened(self, store: str) -> bool:
        return bool(self._notices(store)) or any(self._woken("S3", store))

    # Topics

    async def topic(self, command: ask.Forward, reply: ask.Reply) -> None:
        """Hand a topic's messages to those who are subscribed."""
        store = str(command.call.params.get("TopicArn") or command.call.params.get("TargetArn") or "")
        idents = [c.name for c in reply.created if c.store == store and c.part is Part.CONTENT]
        time = afterwards.stamp(self._clock.now())
        for notice in topics.published(command.call.params, idents, store, time):
            news = self._news(command, one(store, notice.ident))
            for function, trigger in self._woken("SNS", store):
                if trigger.properties.get("SqsSubscription"):
                    self._uncovered(f"`SqsSubscription` of {function.logical}.{trigger.name}")
                elif self._lets(topics.wanted, notice, trigger.properties, trigger.name):
                    name = f"{store}:{trigger.name}"
                    self._wake(function, trigger, {"Records": [topics.record(notice, name)]}, news)
            for name, told in self._subscriptions(store):
                if self._lets(topics.wanted, notice, told, name):
                    await self._subscribed(f"{store}:{name}", notice, told, news)

    def _subscriptions(self, topic: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield what is subscribed to a topic and is no function."""
        for resource in self._passage.stack.resources.values():
            if resource.kind == "AWS::SNS::Subscription" and resource.properties.get("TopicArn") == topic:
                listed = [resource.properties]
            elif resource.arn == topic:
                listed = list(resource.properties.get("Subscription") or ())
            else:
                continue
            for told in listed:
                if str(told.get("Protocol")) != "lambda":
                    yield resource.logical, told

    async def _subscribed(
        self, name: str, notice: topics.Notice, told: Mapping[str, Any], news: News
    ) -> None:
        if told.get("Protocol") != "sqs":
            self._uncovered(f"the subscription `{name.rpartition(':')[2]}` by {told.get('Protocol')}")
            return
        group = str(notice.params.get("MessageGroupId") or "")
        duplicate = str(notice.params.get("MessageDeduplicationId") or notice.ident)
        if str(told.get("RawMessageDelivery")).lower() == "true":
            content = topics.text(notice, "sqs").encode()
            parcel = Parcel(content, topics.raw(notice), group, duplicate)
        else:
            parcel = Parcel(topics.envelope(notice, name), {}, group, duplicate)
        await self._send(str(told.get("Endpoint")), parcel, news)

    # Buses

    async def bus(self, command: ask.Forward, reply: ask.Reply) -> None:
        """Hand the events of a bus to the targets of its rules."""
        court, answer = self._passage.court, answer_of(reply)
        idents = [str(entry.get("EventId") or "") for entry in answer.get("Entries") or ()]
        time = afterwards.whole(self._clock.now())
        told = (command.call.params, idents, court.region, court.account, time)
        for bus, event in buses.put(*told):
            await self._on_bus(bus, event, self._news(command, Extent(self._bus(bus))))

    def _bus(self, name: str) -> str:
        court = self._passage.court
        return f"arn:aws:events:{court.region}:{court.account}:event-bus/{name}"

    def _event(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        court, time = self._passage.court, afterwards.whole(self._clock.now())
        return buses.event(entry, self._fresh(), court.region, court.account, time)

    async def _on_bus(self, name: str, event: Mapping[str, Any], news: News) -> None:
        """Match an event on a bus against its rules, the functions' own and the template's."""
        store = self._bus(name)
        for kind in ("EventBridgeRule", "CloudWatchEvent"):
            for function, trigger in self._woken(kind, store):
                told = trigger.properties
                # Why those alone: what a rule of its own names is reached as one of that rule's targets.
                if "Pattern" in told and self._lets(buses.wanted, event, told, trigger.name):
                    self._wake(function, trigger, json.loads(buses.shaped(event, told)), news)
        for logical, rule in self._rules().items():
            on = str(rule.get("EventBusName") or "default").rpartition("/")[2].rpartition(":")[2]
            if on == name and self._lets(buses.wanted, event, rule, logical):
                await self._targets(logical, rule, event, news)

    def _rules(self) -> dict[str, Mapping[str, Any]]:
        return dict(buses.rules(self._passage.stack.resources.values()))

    async def _targets(
        self, logical: str, rule: Mapping[str, Any], event: Mapping[str, Any], news: News
    ) -> None:
        for target in rule.get("Targets") or ():
            arn, content = str(target.get("Arn")), buses.shaped(event, target)
            function = self._passage.stack.by_arn().get(arn)
            if isinstance(function, Function):
                named = [t for t in function.triggers if t.name.startswith(logical)]
                trigger = named[0] if named else Trigger(function.logical, logical, "EventBridgeRule")
                self._wake(function, trigger, content, news)
            elif ":event-bus/" in arn:
                await self._forwarded(arn.rpartition("/")[2], event, news)
            else:
                group = str((target.get("SqsParameters") or {}).get("MessageGroupId") or "")
                path = str((target.get("KinesisParameters") or {}).get("PartitionKeyPath") or "$.id")
                await self._send(arn, Parcel(content, group=group, key=str(buses.at(event, path))), news)

    async def _forwarded(self, name: str, event: Mapping[str, Any], news: News) -> None:
        if event.get("$hops", 0) >= 4:
            self._say(f"valve: an event goes from bus to bus, and is not put on `{name}` again")
            return
        await self._on_bus(name, {**event, "$hops": event.get("$hops", 0) + 1}, news)

    # Schedules

    def begin(self, say: Callable[[str], None]) -> None:
        """Let every schedule be due in its time; `say` is told of one that cannot be read."""
        for function in self._passage.stack.functions.values():
            for trigger in function.triggers:
                if trigger.kind == "ScheduleV2" or "Schedule" in trigger.properties:
                    self._next(trigger.name, function.logical, trigger.properties, self._clock.now(), say)
        for logical, rule in self._rules().items():
            if rule.get("ScheduleExpression"):
                self._next(logical, "", rule, self._clock.now(), say)

    def _next(
        self,
        name: str,
        function: str,
        told: Mapping[str, Any],
        after: float,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        expression = str(told.get("ScheduleExpression") or told.get("Schedule") or "")
        zone = str(told.get("ScheduleExpressionTimezone") or "")
        try:
            when = schedules.due(expression, after, zone) if buses.on(told) else None
        except ValueError as error:
            say(f"valve: {function or name}.{name}: its schedule cannot be read: {error}")
            return
        if when is not None:
            self._clock.at(when, lambda: self._tick(name, function, told, when), owed=False)

    def _tick(self, name: str, function: str, told: Mapping[str, Any], when: float) -> None:
        self._next(name, function, told, when)
        self._deferring.start(self._scheduled(name, function, told, when))

    async def _scheduled(self, name: str, logical: str, told: Mapping[str, Any], when: float) -> None:
        court = self._passage.court
        arn = f"arn:aws:events:{court.region}:{court.account}:rule/{name}"
        time = afterwards.whole(when)
        event = buses.scheduled(arn, self._fresh(), court.region, court.account, time)
        news = News(arn, Holding(), "")
        function = self._passage.stack.functions.get(logical)
        if function is None:
            await self._targets(name, told, event, news)
            return
        trigger = next((t for t in function.triggers if t.name == name), None)
        if trigger is None:
            return
        target = told.get("Target") if isinstance(told.get("Target"), Mapping) else told
        given = {**target} if isinstance(target, Mapping) else {}
        if trigger.kind == "ScheduleV2":
            given.setdefault("Input", "{}")
        self._wake(function, trigger, buses.shaped(event, given), news)

    # Handing on

    def _woken(self, kind: str, store: str) -> Iterator[tuple[Function, Trigger]]:
        for function in self._passage.stack.functions.values():
            for trigger in function.triggers:
                if trigger.kind == kind and trigger.source == store:
                    yield function, trigger

    def _wake(self, function: Function, trigger: Trigger, event: Any, news: News) -> None:
        payload = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
        name = f"{function.logical}.{trigger.name}"
        self._deferring.put(function.logical, payload, news.holding, name, news.store, news.cause)

    async def _send(self, target: str, parcel: Parcel, news: News) -> None:
        """Put something into another store, if nobody else does."""
        if not self._embedded:
            return
        request = asked(target, parcel)
        if request is None:
            self._uncovered(f"what is delivered to `{target[:120]}`")
        elif self._looping(news.cause):
            self._say(f"valve: nothing more goes to {target.rpartition(':')[2][:80]}: it looks like a loop")
        else:
            ways = {way.tag: way for way in news.holding.ways}
            subject = Subject("", PLATFORM, news.holding.label, ways, cause=news.cause)
            await self._delivering.send(request, subject)

    def _lets(self, wanted: Callable[[Any, Any], bool], what: Any, told: Any, name: str) -> bool:
        """Say whether a filter lets something through; one that cannot be read does not (as it would not
        have been taken by AWS)."""
        try:
            return wanted(what, told)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self._say(f"valve: the filter of `{name}` cannot be read: {error}")
            return False

    def _uncovered(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._say(f"valve: not covered here: {what}")

    def _properties(self, store: str) -> Mapping[str, Any]:
        found = self._passage.stack.by_arn().get(store)
        return found.properties if isinstance(found, Resource) else {}


READERS: Mapping[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "s3": Spreading.bucket,
    "sns": Spreading.topic,
    "events": Spreading.bus,
}
"""Service → what its calls have others told of."""


def _bucket(command: ask.Forward) -> str:
    """Return the bucket of a call, "" of one that names none."""
    return next((r for r in command.call.resources if r.startswith("arn:") and ":s3:" in r), "")


def headers_of(reply: ask.Reply) -> dict[str, str]:
    """Return a reply's headers, whether it is held or streams."""
    found = reply.body[1] if len(reply.body) == 3 else reply.body[0].headers
    return {name.lower(): value for name, value in found}


def answer_of(reply: ask.Reply) -> dict[str, Any]:
    """Return a held reply's JSON; nothing of one that is not held."""
    try:
        found = json.loads(reply.body[2]) if len(reply.body) == 3 else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
