"""What labelled data a function of a stack could get hold of, and how it would read it.

Knows policies and stores. Does not know which function may; the run finds that out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from valve_aws.attack import concrete
from valve_aws.backend import Seed
from valve_aws.model.label import ANY
from valve_aws.model.policy import CellRule, FlowPolicy, StoreRule, Tags
from valve_aws.model.ports import Tables
from valve_aws.model.stack import Function, Resource, Stack


@dataclass(frozen=True, slots=True)
class Source:
    """One labelled text. It is read by a call, or comes with the event."""

    title: str
    tags: frozenset[str]
    marker: str
    seed: Seed | None = None
    read: Mapping[str, Any] = field(default_factory=dict)
    trigger: str = ""
    """`Function.Event` that labels the event; "" when its caller does, or nothing."""
    event: Mapping[str, Any] = field(default_factory=dict)

    @property
    def carried(self) -> frozenset[str]:
        """What the event carries from its caller."""
        return self.tags if self.event and not self.trigger else frozenset()


def stored(stack: Stack, policy: FlowPolicy, schemas: Tables, marker: Callable[[], str]) -> Iterator[Source]:
    """Yield one source for each line of `stores` that says what a store of this stack holds or may take."""
    for rule in policy.stores:
        store = stack.store(rule.target)
        if not isinstance(store, Resource) or store.kind not in READS:
            continue
        for cell in (None, *rule.cells):
            tags, beside = _tags(rule, cell)
            if not tags:
                continue
            made = READS[store.kind](store, cell, marker(), schemas, tuple(rule.attributes))
            if made:
                seed, read, text = made
                title = f"{store.logical} {'/'.join(cell.key.values())}" if cell else store.logical
                yield Source(title, tags, text, _labelled(seed, beside), read)


def _tags(rule: StoreRule, cell: CellRule | None) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return all that may be there, and what of it the content must be said to carry."""
    held = [rule.holds, *rule.attributes.values(), *([cell.holds] if cell else [])]
    taken = [rule.accepts] if cell is None else [cell.accepts]
    beside = tuple(tag for tags in taken for tag in _concrete(tags))
    return frozenset(tag for tags in held for tag in _concrete(tags)) | frozenset(beside), beside


def _concrete(tags: Tags) -> tuple[str, ...]:
    return tuple(concrete.text(pattern) for pattern in tags.patterns if pattern != ANY)


def _labelled(seed: Seed, labels: tuple[str, ...]) -> Seed:
    return replace(seed, labels=labels)


Made = tuple[Seed, dict[str, Any], str]


def _object(store: Resource, cell: CellRule | None, marker: str, _: Any, __: Any) -> Made:
    key = concrete.filled(cell.key).get("", "probe") if cell else "probe"
    seed = Seed("object", store.arn, store.name, key, marker.encode())
    return seed, _call("s3", "GetObject", Bucket=store.name, Key=key), marker


def _item(
    store: Resource, cell: CellRule | None, marker: str, schemas: Tables, attributes: tuple[str, ...]
) -> Made | None:
    schema = schemas(store.arn)
    if schema is None:
        return None
    given = concrete.filled(cell.key) if cell else {}
    names = [schema.partition, *([schema.sort] if schema.sort else [])]
    keys = {name: {kind: given.get(name, "7" if kind == "N" else "probe")} for name, kind in names}
    others = {name: {"S": marker} for name in (*attributes, "content") if name not in keys}
    seed = Seed("item", store.arn, store.name, item={**keys, **others})
    return seed, _call("dynamodb", "GetItem", TableName=store.name, Key=keys), marker


def _secret(store: Resource, _: Any, marker: str, __: Any, ___: Any) -> Made:
    seed = Seed("secret", store.arn, store.name, content=marker.encode())
    return seed, _call("secretsmanager", "GetSecretValue", SecretId=store.name), marker


def _parameter(store: Resource, _: Any, marker: str, __: Any, ___: Any) -> Made:
    seed = Seed("parameter", store.arn, store.name, content=marker.encode())
    return seed, _call("ssm", "GetParameter", Name=store.name), marker


READS = {
    "AWS::S3::Bucket": _object,
    "AWS::DynamoDB::Table": _item,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::SSM::Parameter": _parameter,
}
"""Kind of store → how a marker is put there and read.

Why no queue: whoever receives a message takes it from the next; an event that carries its label stands for
it.
"""


def _call(service: str, operation: str, **params: Any) -> dict[str, Any]:
    return {"service": service, "operation": operation, "params": params}


def arriving(function: Function, policy: FlowPolicy, marker: Callable[[], str]) -> Iterator[Source]:
    """Yield the events with which labelled data comes to a function by itself."""
    for trigger in function.triggers:
        name = f"{trigger.function}.{trigger.name}"
        if told := policy.events.get(name):
            text = marker()
            yield Source(
                f"events of {name}",
                frozenset(_concrete(told)),
                text,
                trigger=name,
                event=concrete.event(told.patterns, text),
            )
    # Why every tag: whoever may invoke or wake it may have learned any.
    for tag in sorted(known(policy)):
        text = marker()
        yield Source(f"an event with {tag}", frozenset({tag}), text, event={"content": text})


def known(policy: FlowPolicy) -> frozenset[str]:
    """Return every tag that the policy puts on something, concrete."""
    lists = [*policy.events.values()]
    for rule in policy.stores:
        lists += [rule.holds, *rule.attributes.values(), *(cell.holds for cell in rule.cells)]
    return frozenset(tag for tags in lists for tag in _concrete(tags))
