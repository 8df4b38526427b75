"""Random applications under sealed or traced policies, what is in their stores, and who may see what of it.

Knows ceilings by heart, written down a second time and simply. Does not know the judgement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from valve_aws.model.cell import Part
from valve_aws.model.label import CLEAN, Label, fits, within
from valve_aws.model.policy import (
    CellRule,
    FlowPolicy,
    FunctionRule,
    Grant,
    LogRule,
    StoreRule,
    TagRule,
    Tags,
)
from valve_aws.model.stack import (
    Code,
    Delivery,
    Function,
    KeySchema,
    Resource,
    Stack,
    Statement,
    Trigger,
)
from valve_aws.model.verdict import Mode

OWN, REGION = "123456789012", "us-east-1"


def arn(service: str, name: str) -> str:
    """Return the ARN of something of this account."""
    return f"arn:aws:{service}:{REGION}:{OWN}:{name}"


BUCKETS = tuple(f"arn:aws:s3:::bucket-{n}" for n in "abc")
QUEUES = tuple(arn("sqs", name) for name in ("qa", "qb", "qc", "qd.fifo"))
TABLES = (arn("dynamodb", "table/ta"), arn("dynamodb", "table/tb"))
TOPIC = arn("sns", "topic")
OTHERS = {
    arn("secretsmanager", "secret:key"): "AWS::SecretsManager::Secret",
    arn("ssm", "parameter/p"): "AWS::SSM::Parameter",
    arn("kinesis", "stream/s"): "AWS::Kinesis::Stream",
    arn("firehose", "deliverystream/d"): "AWS::KinesisFirehose::DeliveryStream",
    arn("events", "event-bus/bus"): "AWS::Events::EventBus",
    arn("states", "stateMachine:m"): "AWS::StepFunctions::StateMachine",
    arn("logs", "log-group:g"): "AWS::Logs::LogGroup",
    arn("kms", "key/11111111-1111-1111-1111-111111111111"): "AWS::KMS::Key",
}
MAIL = "ops@example.org"
SITES = ("https://a.example/*", "https://b.example/*")
NAMES = ("Fa", "Fb", "Fc")
FUNCTIONS = {name: arn("lambda", f"function:{name.lower()}") for name in NAMES}
KINDS = {
    **dict.fromkeys(BUCKETS, "AWS::S3::Bucket"),
    **dict.fromkeys(QUEUES, "AWS::SQS::Queue"),
    **dict.fromkeys(TABLES, "AWS::DynamoDB::Table"),
    TOPIC: "AWS::SNS::Topic",
    **OTHERS,
}
SCHEMAS = {TABLES[0]: KeySchema(("pk", "S")), TABLES[1]: KeySchema(("pk", "S"), ("sk", "S"))}

TAGS = ("pii", "pii/email", "card", "free")
SECRETS = ("pii", "pii/email", "card")
CEILINGS = (
    (),
    (),
    ("free",),
    ("pii",),
    ("pii",),
    ("pii/email",),
    ("card",),
    ("pii", "card"),
    ("free", "card"),
)
"""Ceilings of stores: those that say nothing are likely, so that there is where to leak to."""

KEYS = ("k", "t/x", "u/x", "t/y")


def digest(*of: object) -> str:
    """Return a short text that stands for all of this."""
    return hashlib.blake2b("\x1f".join(map(str, of)).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class World:
    """One application with its policy. `secret` is the tag whose data differ between the twins."""

    seed: int
    policy: FlowPolicy
    stack: Stack
    secret: str
    sealed: bool
    sole: bool
    events: tuple[tuple[str, str], ...]
    """What the operator invokes: (function, trigger or "")."""
    wakes: Mapping[str, str]
    """Queue → function."""

    @property
    def level(self) -> Label:
        """The outsider's: every tag but those that the secret is within."""
        return frozenset(tag for tag in TAGS if not within(self.secret, tag))

    def low(self, label: Label) -> bool:
        """Say whether the outsider may see what carries this."""
        return fits(label, self.level)

    def rule(self, store: str) -> StoreRule | None:
        """Return the line of a store."""
        target = next((s for s in SITES if store.startswith(s[:-1])), store)
        return next((r for r in self.policy.stores if r.target == target), None)

    def ceiling(self, store: str, name: str = "", part: Part = Part.CONTENT) -> Label:
        """Return the most that a cell may carry: what its store and its key's folder hold and accept."""
        rule = self.rule(store)
        if rule is None:
            return frozenset(self.policy.logs.accepts.patterns) if "/aws/lambda/" in store else CLEAN
        found = {*rule.holds.patterns, *rule.accepts.patterns}
        for cell in rule.cells:
            folder = cell.key.get("", "").removesuffix("*")
            if name.startswith(folder):
                found |= {*cell.holds.patterns, *cell.accepts.patterns}
        return frozenset(found)

    def carried(self, trigger: str) -> Label:
        """Return what the policy says of an event."""
        return frozenset(self.policy.events.get(trigger, Tags()).patterns)


def world(seed: int, sealed: bool = True) -> World:
    """Return the application of a number."""
    dice = Random(f"world {seed} {sealed}")
    secret = dice.choice(SECRETS)
    wakes = {q: dice.choice(NAMES) for q in QUEUES[:2] if dice.random() < 0.7}
    stack = _stack(dice, wakes)
    stores = [
        _rule(dice, store, sealed) for store in (*KINDS, *SITES, f"ses:to/{MAIL}") if dice.random() < 0.9
    ]
    functions = {
        name: FunctionRule(
            name,
            Tags(tuple(dice.sample(TAGS, 2))) if dice.random() < 0.12 else None,
            may_remove=_removes(dice, secret),
        )
        for name in NAMES
    }
    every = tuple(KINDS) + tuple(f"arn:aws:{s}:*" for s in ("x",))
    policy = FlowPolicy(
        Mode.ENFORCE,
        {"pii": TagRule("pii", (BUCKETS[0], QUEUES[0])) if dice.random() < 0.1 else TagRule("pii")},
        tuple(stores),
        functions,
        {f"{name}.{event}": _tags(dice) for name in NAMES for event in ("Api", "Q")},
        {"default": _tags(dice), **({"Fa": _tags(dice)} if dice.random() < 0.3 else {})},
        LogRule(_tags(dice)),
        (),
        (Grant(NAMES, every, "tries everything"),) if dice.random() < 0.4 else (),
    )
    events = tuple(
        (dice.choice(NAMES), ".Api" if dice.random() < 0.4 else "") for _ in range(dice.randrange(2, 6))
    )
    events = tuple((f, f + trigger if trigger else "") for f, trigger in events)
    return World(seed, policy, stack, secret, sealed, dice.random() < 0.7, events, wakes)


def _tags(dice: Random) -> Tags:
    return Tags(dice.choice(CEILINGS))


def _removes(dice: Random, secret: str) -> dict[str, tuple[str, ...]]:
    """What may be removed is no secret any more, so it is never the twins' own."""
    if dice.random() > 0.15:
        return {}
    other = "card" if within(secret, "pii") else "pii"
    return {other: (BUCKETS[1], QUEUES[2], SITES[0])}


def _rule(dice: Random, target: str, sealed: bool) -> StoreRule:
    ceiling = dice.choice(CEILINGS)
    holds = tuple(tag for tag in ceiling if dice.random() < 0.4)
    sources = (dice.choice(NAMES),) if dice.random() < 0.08 else None
    cells: tuple[CellRule, ...] = ()
    if target in BUCKETS and dice.random() < 0.3:
        cells = (CellRule({"": "t/*"}, accepts=_tags(dice)), CellRule({"": "u/*"}, holds=_tags(dice)))
    return StoreRule(target, target, Tags(holds), Tags(ceiling), True, sources, sealed=sealed, cells=cells)


def _stack(dice: Random, wakes: Mapping[str, str]) -> Stack:
    everything = (Statement(True, ("*",), ("*",), loose=True),)
    triggers = {
        name: tuple(
            Trigger(
                name,
                "Q",
                "SQS",
                q,
                {
                    "BatchSize": dice.choice((1, 2, 10)),
                    **({"FunctionResponseTypes": ["ReportBatchItemFailures"]} if dice.random() < 0.5 else {}),
                },
            )
            for q, woken in wakes.items()
            if woken == name
        )
        for name in NAMES
    }
    functions = {
        name: Function(
            name,
            name.lower(),
            FUNCTIONS[name],
            "h.h",
            "python3.11",
            Code(inline=""),
            statements=everything,
            triggers=triggers[name],
        )
        for name in NAMES
    }
    resources = {}
    for number, (store, kind) in enumerate(KINDS.items()):
        logical = f"R{number}"
        kept: dict[str, object] = {}
        if store in TABLES:
            schema = SCHEMAS[store]
            keys = [schema.partition, *([schema.sort] if schema.sort else [])]
            kept["KeySchema"] = [
                {"AttributeName": n, "KeyType": t} for (n, _), t in zip(keys, ("HASH", "RANGE"), strict=False)
            ]
        if store == QUEUES[0] and dice.random() < 0.4:
            kept["RedrivePolicy"] = {"deadLetterTargetArn": QUEUES[2], "maxReceiveCount": 2}
        if store in BUCKETS and dice.random() < 0.2:
            kept["VersioningConfiguration"] = {"Status": "Enabled"}
        resources[logical] = Resource(logical, kind, store.rpartition(":")[2].rpartition("/")[2], store, kept)
    edges = [
        Delivery(BUCKETS[0], QUEUES[1]) if dice.random() < 0.25 else None,
        Delivery(TOPIC, QUEUES[1]) if dice.random() < 0.5 else None,
        Delivery(TOPIC, SITES[1].replace("*", "hook")) if dice.random() < 0.2 else None,
        Delivery(QUEUES[0], QUEUES[2])
        if "RedrivePolicy" in resources[f"R{len(BUCKETS)}"].properties
        else None,
    ]
    return Stack("s", OWN, REGION, functions, resources, tuple(e for e in edges if e))
