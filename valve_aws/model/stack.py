"""An application as its template describes it, resolved.

Knows functions, stores and how they are wired. Does not know the syntax they were written in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.value import value

LATEST = "$LATEST"
"""What a function is that was not published."""


@value
class Statement:
    """One IAM statement that a function's role has. Patterns use IAM's `*` and `?`."""

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """ARN patterns; a resource that the template could not resolve is `*` with `loose` set."""
    loose: bool = False
    """True: it grants what its services allow (managed policy, unresolved name, a condition); `valve check`
    says so."""
    why: str = ""
    """Where it comes from, for people: `S3ReadPolicy`, `AmazonDynamoDBFullAccess`, `inline`."""
    where: Where = NOWHERE
    not_actions: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()


@value
class Code:
    """A function's or a layer's code: exactly one of the three is set."""

    folder: Path | None = None
    archive: Path | None = None
    inline: str | None = None
    missing: str = ""
    """Not "": the code is not on this machine (s3:// URI, image, somebody's layer ARN); a sentence that
    says so."""
    where: Where = NOWHERE


@value
class Layer:
    """One layer of a function, in the order of its list."""

    name: str
    code: Code


@value
class Trigger:
    """One event source of a function."""

    function: str
    """Logical id of the function."""
    name: str
    """The event's own name under `Events`, so `Function.name` is what `--event-source` takes."""
    kind: str
    """SAM's event type: `SQS`, `Api`, `HttpApi`, `S3`, `DynamoDB`, `SNS`, `Schedule`, `EventBridgeRule` ….
    An `AWS::Lambda::EventSourceMapping` becomes the type of its source."""
    source: str = ""
    """ARN of the store that wakes the function, when the template resolves it."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    where: Where = NOWHERE
    version: str = ""
    """The version or alias that is woken; "" is `$LATEST`."""


@value
class Afterwards:
    """What becomes of an event of a function that nobody waits for (Lambda API,
    PutFunctionEventInvokeConfig). Targets are ARNs, "" for none."""

    retries: int = 2
    """After the first try."""
    age: int = 21_600
    """Seconds that an event is kept at the most."""
    on_success: str = ""
    on_failure: str = ""
    dead_letters: str = ""


@value
class Logging:
    """How a function's log is written (`LoggingConfig`)."""

    format: str = "Text"
    """`Text` or `JSON`."""
    application: str = ""
    """The least level of the function's own lines, `TRACE` to `FATAL`; "" is `INFO`. With `JSON` alone."""
    system: str = ""
    """The least level of the platform's, `DEBUG`, `INFO` or `WARN`; "" is `INFO`. With `JSON` alone."""
    group: str = ""
    """The log group; "" is `/aws/lambda/<name>`."""


@value
class Durable:
    """How long the executions of a durable function last (`DurableConfig`)."""

    timeout: int
    """Seconds that one may take in all, its waiting included."""
    retention: int = 14
    """Days that one can be asked for after its end."""


@value
class Function:
    """One Lambda function."""

    logical: str
    name: str
    arn: str
    handler: str
    runtime: str
    """As the template says (`python3.9`); which interpreter runs it is decided elsewhere. "" for images."""
    code: Code
    layers: tuple[Layer, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 3
    """Seconds (AWS's default when the template is silent)."""
    memory: int = 128
    """MiB."""
    ephemeral: int = 512
    """MiB of /tmp."""
    architecture: str = "x86_64"
    package: str = "Zip"
    statements: tuple[Statement, ...] = ()
    unmanaged_role: bool = False
    """True: its role is outside the template, so what it grants is not known."""
    role: str = ""
    """Its role's ARN; who a stream's events say has read them."""
    tags: Mapping[str, str] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    afterwards: Afterwards = Afterwards()
    reserved: int | None = None
    """Events that all its versions together may serve at once; one more is throttled. None: no limit of its
    own."""
    where: Where = NOWHERE
    version: str = ""
    """Which of its published versions this is; "" the one that the template describes."""
    qualifiers: Mapping[str, str] = field(default_factory=dict)
    """Alias or version of the template → the version that it means. Each of those is what the template
    describes, as nothing has been published before."""
    logging: Logging = Logging()
    traced: bool = False
    """X-Ray is active: an event that is not sampled already is sampled."""
    isolates: bool = False
    """Each tenant has environments of his own, and every event names one."""
    restored: bool = False
    """SnapStart is on for it, so that its hooks around a snapshot run: of a published version alone."""
    durable: Durable | None = None
    """Its events are durable executions: what its steps have come to is kept, and it is invoked again until
    there is an end."""
    revision: str = ""
    """Which state of that version's code and settings, where they change while a valve runs."""

    @property
    def key(self) -> str:
        """Return what its environments are kept by: no version, and no older state of one, serves another."""
        return "/".join(filter(None, (self.logical, self.version, self.revision)))

    def qualified(self, qualifier: str) -> Function | None:
        """Return what a version's number or an alias of the template means; None when it has no such."""
        version = LATEST if qualifier == "" else self.qualifiers.get(qualifier, qualifier)
        if version == LATEST:
            return self
        return replace(self, version=version) if version in self.qualifiers.values() else None

    @property
    def calls(self) -> bool:
        """Say whether it is likely to call AWS: its role is there for more than its log and traces, or is not
        known."""
        own = ("logs:", "xray:")
        granted = (action for each in self.statements if each.allow for action in each.actions)
        return self.unmanaged_role or any(not action.lower().startswith(own) for action in granted)


@value
class Resource:
    """A resource of the template that is not a function."""

    logical: str
    """Logical id; inside a nested application `Outer/Inner`."""
    kind: str
    """CloudFormation type, SAM types already turned (`AWS::Serverless::SimpleTable` is
    `AWS::DynamoDB::Table`)."""
    name: str
    """Physical name, or the ARN's last part."""
    arn: str
    """Canonical ARN; "" for kinds that hold no data."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    where: Where = NOWHERE


@value
class Delivery:
    """Content that reaches `target` because it was put into `source` (subscription, notification, replica,
    stream)."""

    source: str
    target: str
    """ARN, or a destination such as `ses:to/ops@example.org`, `https://…`."""
    where: Where = NOWHERE


@value
class Stack:
    """A whole application. Mappings are by logical id."""

    name: str
    account: str
    region: str
    functions: Mapping[str, Function]
    resources: Mapping[str, Resource]
    deliveries: tuple[Delivery, ...] = ()
    warnings: tuple[str, ...] = ()
    """What was passed over, each said once: `template.yaml:4:3: …`."""
    file: str = ""
    folder: Path = Path()
    metadata: Any = None
    """The Node of `Metadata: Valve:` of the top template, if any."""
    ident: str = ""
    """What `AWS::StackId` stands for."""

    def store(self, arn: str) -> Resource | Function | None:
        """Return the resource or function of this stack that has this ARN."""
        return self.by_arn().get(arn)

    def by_arn(self) -> Mapping[str, Resource | Function]:
        """Return everything of this stack that has an ARN, by ARN."""
        found: dict[str, Resource | Function] = {r.arn: r for r in self.resources.values() if r.arn}
        found.update({f.arn: f for f in self.functions.values()})
        return found

    @property
    def calls(self) -> bool:
        """Say whether some function is likely to call AWS (`Function.calls`)."""
        return any(function.calls for function in self.functions.values())

    def title(self, arn: str) -> str:
        """Return what to call a store in front of people: its logical id, else the ARN itself."""
        owner = self.store(arn)
        return owner.logical if owner else arn


@value
class KeySchema:
    """How a table's items are told apart. Attribute types are `S`, `N` or `B`."""

    partition: tuple[str, str]
    """(name, type)."""
    sort: tuple[str, str] | None = None
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Index name → its key attributes."""
