"""One durable execution: whose it is, what it has learned, and what it has come to.

Knows what whoever is given its state is given. Does not know where its state is kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from valve_aws.aws import durable
from valve_aws.model.invocation import Beside
from valve_aws.model.label import Label
from valve_aws.model.stack import Function
from valve_aws.model.value import value
from valve_aws.model.verdict import Holding, Way
from valve_aws.running.housing import Run

Serve = Callable[[bytes, Holding, Beside], Awaitable[Run]]
"""Has one function serve one event: (payload, what it carries, what comes beside)."""


@dataclass(slots=True, eq=False)
class Execution:
    """One execution's standing."""

    name: str
    function: Function
    serve: Serve
    label: Label
    ways: dict[str, Way]
    beside: Beside
    ident: str = ""
    """What the runner calls it, "" until that is known."""
    parent: Execution | None = None
    """The execution of which a step waits for this one."""
    invocation: str = ""
    """The event that goes on with it now, "" none: who serves that may say what its steps have come to."""
    last: Run | None = None
    over: bool = False
    """Nothing of it is under way any more."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def arn(self) -> str:
        """Return what everybody else calls it."""
        return durable.written(self.function.arn, self.function.version, self.name, self.name)

    def learn(self, label: Label, ways: Sequence[Way]) -> None:
        """Take in what became known to it; whoever waits for it will have that."""
        for way in ways:
            self.ways.setdefault(way.tag, way)
        self.label = self.label | label
        if self.parent is not None:
            self.parent.learn(label, ways)

    def holding(self) -> Holding:
        """Return what whoever is given its state is given."""
        return Holding(self.label, True, tuple(self.ways.values()))


@value
class Step:
    """A step that invokes a function, as it was judged."""

    execution: Execution
    record: str
    told: str
    """What the function called whom it invokes."""
    beside: Beside
    """The ARN of whom it invokes, with its qualifier, if it has one."""


def outcome(ended: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return what whoever has waited for an execution is answered, and the type of its error, "" for none."""
    if ended.get("Status") == "SUCCEEDED":
        return str(ended.get("Result") or "null").encode(), ""
    error = ended.get("Error") or {}
    kind = str(error.get("ErrorType") or f"DurableExecution.{str(ended.get('Status')).title()}")
    told: dict[str, Any] = {"errorType": kind, "errorMessage": error.get("ErrorMessage") or ""}
    if trace := error.get("StackTrace"):
        told["stackTrace"] = trace
    return json.dumps(told).encode(), kind
