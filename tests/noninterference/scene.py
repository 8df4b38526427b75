"""A few calls one after the other on the small cloud, by environments whose label is given.

Knows how one is made and what it is answered. Does not know what is tried with them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.noninterference import timeless
from tests.noninterference.calls import made, url_of
from tests.noninterference.functions import Environment
from tests.noninterference.house import Run
from tests.noninterference.worlds import BUCKETS, QUEUES, TABLES, world
from valve_aws.course.carry import Court
from valve_aws.flow import Judge
from valve_aws.model.label import Label
from valve_aws.model.policy import FlowPolicy, StoreRule, Tags
from valve_aws.model.verdict import Mode

SECRET: Label = frozenset({"pii"})
OPEN, KEPT, NOTES = QUEUES[0], QUEUES[1], TABLES[0]
"""A queue that takes nothing labelled, and a queue and a table that take the secret; the same for files."""

KEPT_TOO = QUEUES[2]
OPEN_FILES, KEPT_FILES = BUCKETS[0], BUCKETS[1]
TAKES: Mapping[str, tuple[str, ...]] = {
    OPEN: (),
    OPEN_FILES: (),
    KEPT: ("pii",),
    KEPT_TOO: ("pii",),
    KEPT_FILES: ("pii",),
    NOTES: ("pii",),
}

BARE = replace(world(0), wakes={}, events=())


class Scene:
    """One cloud and its valve."""

    def __init__(self, mode: Mode, sealed: bool) -> None:
        rules = tuple(
            StoreRule(store, store, accepts=Tags(accepts), declares_accepts=True, sealed=sealed)
            for store, accepts in TAKES.items()
        )
        policy = FlowPolicy(mode, stores=rules)
        self.run = Run(replace(BARE, policy=policy), lambda *_: None)
        court = self.run.passage.court
        self.run.passage.court = Court(Judge(policy, BARE.stack), mode, court.account, court.region)
        self.cloud, self.records = self.run.cloud, self.run.sink

    def environment(self, label: Label) -> Environment:
        """Return a new environment."""
        made_new = Environment(self.run, BARE.stack.functions["Fa"], label)
        made_new.path = ("scene",)
        return made_new

    async def ask(self, label: Label, service: str, operation: str, **params: Any) -> tuple[Label, Any]:
        """Make one call from an environment of its own; return its label afterwards and what it got."""
        environment = self.environment(label)
        await environment._request(made(service, operation, params), 0)
        return environment.subject.label, self.run.view.all[-1][3]

    async def send(self, queue: str, body: str) -> Any:
        """Have a labelled function send a message."""
        return (await self.ask(SECRET, "sqs", "SendMessage", QueueUrl=url_of(queue), MessageBody=body))[1]


def play(mode: Mode, sealed: bool, act: Callable[[Scene], Awaitable[Any]]) -> Any:
    """Play a scene to its end."""

    async def whole() -> Any:
        return await act(Scene(mode, sealed))

    return timeless.run(whole())
