"""The backend of one run: found or started when a call first needs it, and filled.

Knows seeds and generations. Does not know who calls.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from valve_aws.aws import names
from valve_aws.backend import Endpoint, Moto, NotStarted, Seed, fill, find, same
from valve_aws.backend.endpoint import ACCOUNTS
from valve_aws.flow import Judge
from valve_aws.model.cell import Cell, Part
from valve_aws.model.label import Label
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.ports import Book, Tables
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack

Start = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]], str], Moto]
"""(resources, seeds, region) → an embedded cloud that holds just these. Blocks; raises `NotStarted`."""

RESTART = 0.25
"""Seconds in which no LocalStack ends and another is ready at its address: one takes a second to start."""

OFFERED = frozenset({"available", "running", "starting"})
"""What LocalStack says of a service that answers, or will (docs.localstack.cloud: `/_localstack/health`)."""

STORES = frozenset(
    f"AWS::{kind}"
    for kind in """
    S3::Bucket SQS::Queue DynamoDB::Table SNS::Topic Kinesis::Stream Events::EventBus Logs::LogGroup
    SecretsManager::Secret SSM::Parameter KMS::Key
    """.split()
)
"""What is created there (`host.MAKERS`); its service's name is LocalStack's own."""

MACHINE = "AWS::StepFunctions::StateMachine"

PLACEHOLDER = "seed:"
"""A seeded message has no id before the backend gives it one; until then it is known by this and its place
in the seed."""


class Cloud:
    """What answers AWS calls. `external` None means an embedded moto, started by the first call."""

    def __init__(
        self,
        stack: Stack,
        seeds: Sequence[Seed],
        external: Endpoint | None,
        tables: Tables,
        judge: Judge,
        say: Callable[[str], None],
        start: Start = Moto.start,
        create: bool = False,
        generation: str = "",
    ) -> None:
        """`create`: what the template declares is made on an external backend too, seeded or not.
        `generation` is that of a cloud that was kept, and goes on; "" begins one."""
        self._start, self._create = start, create
        self._stack, self._seeds, self._external, self._judge, self._say = stack, seeds, external, judge, say
        self._orders = [_order(seed, tables) for seed in seeds]
        self._lock = asyncio.Lock()
        self._moto: Moto | None = None
        self._endpoint: Endpoint | None = None
        self._starting: float | None = None
        self.machines: Callable[[], Awaitable[str]] | None = None
        """Gives the address at which the executions of state machines ask for what they call."""
        self._ahead = 0.0
        self._lost = 0.0
        self._book: Book | None = None
        self._met = time.monotonic()
        self.generation = external.generation if external else generation or _generation()
        self.kept = bool(generation)
        """Whether it holds what another run has left there."""

    @property
    def sole(self) -> bool:
        """Say whether nobody else can write there."""
        return self._external is None

    async def open(self, book: Book) -> None:
        """Let the book know what the seed says, before anybody asks (law 9); an external backend is filled
        at once."""
        self._book = book
        book.know(self._cells(lambda i: (self._first(i), "")))
        if self._external is not None and self._endpoint is None:
            if self._seeds or self._create:
                await self._fill(self._external)
            self._endpoint = self._external

    async def endpoint(self) -> Endpoint:
        """Return where requests go; start moto when it is not there. Raises `NotStarted`."""
        if self._endpoint is not None:
            if self._endpoint.session:
                await self._look_again(self._endpoint)
            return self._endpoint
        async with self._lock:
            if self._endpoint is None:
                began = self._starting = time.monotonic()
                try:
                    self._moto = await asyncio.to_thread(
                        self._start, resources(self._stack, self._seeds), self._orders, self._stack.region
                    )
                finally:
                    self._starting, self._lost = None, self._lost + time.monotonic() - began
                if self._ahead:
                    await asyncio.to_thread(self._moto.ahead, self._ahead)
                if self.machines and any(r.kind == MACHINE for r in self._stack.resources.values()):
                    await asyncio.to_thread(self._moto.machines, await self.machines())
                self._endpoint = replace(
                    self._moto.endpoint(), generation=self.generation, account=self._stack.account
                )
                self._learn(self._moto.seeded)
                for warning in self._moto.warnings:
                    self._say(f"valve: {warning}")
                self._say(f"valve: embedded cloud ready in {time.monotonic() - began:.1f} s")
            return self._endpoint

    async def _look_again(self, endpoint: Endpoint) -> None:
        """See now and then that the LocalStack is still the one that was met: one that was started anew holds
        other content under the same names (law 9). Raises `NotStarted`."""
        if time.monotonic() - self._met < RESTART:
            return
        async with self._lock:
            began = time.monotonic()
            if began - self._met < RESTART:
                return
            if not await asyncio.to_thread(same, endpoint):
                raise NotStarted(
                    f"LocalStack at `{endpoint.url}` was started anew in the middle of this run, and nobody "
                    "knows the labels of what it holds now; run it again"
                )
            self._met = began

    def tick(self) -> float:
        """Return seconds as functions live them: while the cloud starts, which is our affair, none pass."""
        return (time.monotonic() if self._starting is None else self._starting) - self._lost

    @property
    def follows(self) -> bool:
        """Say whether its time can be moved."""
        return self._external is None

    @property
    def waiting(self) -> bool:
        """Say whether messages may be there that nobody has sent in this run."""
        return self.kept or any(seed.kind == "message" for seed in self._seeds)

    def seeded(self, arn: str) -> int:
        """Return how many items the seed puts into a table."""
        return sum(seed.kind == "item" and seed.arn == arn for seed in self._seeds)

    async def ahead(self, seconds: float) -> None:
        """Let its time be so far ahead of the machine's, where it can be moved. Raises `NotStarted`."""
        self._ahead = seconds
        async with self._lock:
            if self._moto is not None and self._endpoint is not None:
                await asyncio.to_thread(self._moto.ahead, seconds)

    async def _fill(self, endpoint: Endpoint) -> None:
        seeded, warnings = await asyncio.to_thread(
            fill, endpoint, resources(self._stack, self._seeds), self._orders, self._stack.region
        )
        self._learn(seeded)
        for warning in warnings:
            self._say(f"valve: {warning}")

    def _learn(self, seeded: Sequence[Mapping[str, Any]]) -> None:
        """Take in the names and versions that the seed's content has got."""
        assert self._book is not None
        found = {entry["index"]: (entry["name"], entry["version"]) for entry in seeded}
        self._book.know(self._cells(lambda i: found[i]))

    def _first(self, i: int) -> str:
        """Return what the content of a seed is known by before it is there."""
        return f"{PLACEHOLDER}{i}" if self._seeds[i].kind == "message" else str(self._orders[i]["key"])

    def _cells(self, named: Callable[[int], tuple[str, str]]) -> Iterable[tuple[Cell, Label, str]]:
        for i, seed in enumerate(self._seeds):
            if seed.kind == "store":
                continue
            name, version = named(i)
            base = self._judge.base(seed.arn, name)
            label = base | frozenset(seed.labels)
            yield Cell(seed.arn, name), label, version
            if seed.kind in {"object", "item"}:
                yield Cell(seed.arn, name, Part.NAMES), base, ""
            if seed.kind == "item":  # Why: how large it is, a table's figures tell without its content
                yield Cell(seed.arn, name, Part.COUNTS), label, ""
            for there, brought in self._judge.delivered(seed.arn, name, label):
                yield Cell(there.store, there.name, there.part), brought, ""

    async def renew(self) -> str:
        """Begin the backend's next life and return its generation: what is embedded is as its seed says when
        it is next needed; what somebody else runs goes on as it is."""
        if self._external is None:
            await self.close()
            self._moto, self._endpoint, self._ahead = None, None, 0.0
            self.generation, self.kept = _generation(), False
        return self.generation

    async def keep(self, path: Path) -> Sequence[str]:
        """Write down what an embedded cloud holds; return what could not be kept, in words. Raises
        `NotStarted`."""
        return await asyncio.to_thread(self._moto.keep, path) if self._moto is not None else ()

    async def close(self) -> None:
        """End what was started."""
        if self._moto is not None:
            await asyncio.to_thread(self._moto.stop)


def _generation() -> str:
    return f"moto/{os.getpid()}.{time.time_ns()}"


async def met(outside: Endpoint | None, stack: Stack, say: Callable[[str], None]) -> Endpoint | None:
    """Look whether an endpoint that somebody else runs is there; return it with the generation of this start
    of it, and tell what it lacks. Raises `NotStarted`."""
    if outside is None:
        return None
    found = await asyncio.to_thread(find, outside, say)
    if found.endpoint.session and outside.kind == "url" and stack.account == ACCOUNTS["url"]:
        say(
            f"valve: LocalStack answers at {outside.url}, and is asked for account {stack.account}; what it "
            f"takes other keys for is `--account {ACCOUNTS['localstack']}`"
        )
    for resource in stack.resources.values():
        service = resource.kind.split("::")[1].lower() if resource.kind in STORES else ""
        if service and found.services.get(service, "available") not in OFFERED:
            say(
                f"valve: LocalStack at {outside.url} does not offer `{service}`, "
                f"which {resource.logical} needs (its `SERVICES`)"
            )
    return found.endpoint


def resources(stack: Stack, seeds: Iterable[Seed]) -> list[dict[str, Any]]:
    """Return what is to be created, as the filler takes it: the stack's, then what the seed adds."""
    outside = {s.arn: s for s in seeds if s.creates}
    return [
        {
            "logical": r.logical,
            "kind": r.kind,
            "name": r.name,
            "arn": r.arn,
            "properties": _plain(r.properties),
        }
        for r in stack.resources.values()
    ] + [
        {"logical": arn, "kind": s.creates, "name": s.name, "arn": arn, "properties": {}}
        for arn, s in outside.items()
    ]


def custom_hosts(stack: Stack, resolve: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Return the host names under which AWS may be asked for besides its own, longest first.

    They are those of `--resolve`, those of the functions' `AWS_ENDPOINT_URL…` (SDKs reference guide:
    service-specific endpoints), and `localhost`. What is sent there is AWS's only when it is signed for it.
    """
    given = (
        value
        for function in stack.functions.values()
        for name, value in function.environment.items()
        if name.startswith("AWS_ENDPOINT_URL")
    )
    named = {host for host, _ in resolve} | {_host(value) for value in given} | {"localhost"}
    return tuple(sorted(named - {""}, key=lambda host: (-len(host), host)))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def secrets(stack: Stack, policy: FlowPolicy, seeds: Iterable[Seed]) -> frozenset[str]:
    """Return the ARNs of the secrets that template, policy and seed know by name."""
    named = [*stack.by_arn(), *(rule.target for rule in policy.stores), *(seed.arn for seed in seeds)]
    return frozenset(name for name in named if ":secretsmanager:" in name)


def _order(seed: Seed, tables: Tables) -> dict[str, Any]:
    """Return a seed in the shape that the filler takes (`backend/filling.py`), its cell's canonical name
    under `key`."""
    order: dict[str, Any] = {"kind": seed.kind, "arn": seed.arn, "name": seed.name, "key": seed.key}
    match seed.kind:
        case "object":
            order["base64"] = base64.b64encode(seed.content).decode()
        case "item":
            schema = tables(seed.arn)
            if schema is None:
                raise Invalid(
                    seed.where, "the table's keys are not known", "give it a `KeySchema` in the template"
                )
            try:
                order["key"] = names.item(seed.item, schema)
            except (names.NotCanonical, KeyError) as error:
                raise Invalid(
                    seed.where, f"the item has no usable key: {error}", f"it needs `{schema.partition[0]}`"
                ) from error
            order["item"] = seed.item
        case "message":
            order |= {"body": seed.content.decode("utf-8", "replace"), "attributes": dict(seed.attributes)}
        case _:
            order |= {"value": seed.content.decode("utf-8", "replace"), "key": ""}
    return order


def _plain(value: Any) -> Any:
    """Return properties as JSON takes them; a mapping of the template may be any Mapping."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


__all__ = ["Cloud", "NotStarted", "custom_hosts", "resources", "secrets"]
