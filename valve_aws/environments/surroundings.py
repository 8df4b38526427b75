"""What an environment needs of other rooms, as Protocols.

Knows signatures. Does not know who answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from valve_aws.environments.telemetry import Shapes
from valve_aws.model.invocation import Answer, Begun, Done, Invocation, Reply, Wait
from valve_aws.model.plan import Jail, Plan
from valve_aws.model.ports import Now
from valve_aws.model.stack import Function
from valve_aws.model.telemetry import Crashed, Subscription, Told

E = TypeVar("E")
"""The environment; its own class lies above this one."""


class RuntimeApi(Protocol):
    """One environment's Runtime API, without sockets (`runtime.Machine`)."""

    @property
    def idle(self) -> bool:
        """Say whether everything inside waits for an event."""

    @property
    def ready(self) -> bool:
        """Say whether the runtime does, whatever its extensions are at."""

    @property
    def gone(self) -> bool:
        """Say whether every extension that was told of the end has ended."""

    @property
    def fatal(self) -> str:
        """The first error that an extension has told of."""

    def begun(self) -> list[Told]:
        """Close what is open in an init alone; return what is told of each extension."""

    def answer(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        trailers: Mapping[str, str],
    ) -> Answer | Wait:
        """Take one request."""

    def opens(self, method: str, path: str, headers: Mapping[str, str]) -> Begun | Answer | None:
        """Take the head of a response in pieces; None for any other request."""

    def piece(self, size: int) -> Answer | None:
        """Take note of so many bytes of it; a refusal ends it."""

    def closes(self, trailers: Mapping[str, str]) -> Answer:
        """Take its end."""

    def breaks(self) -> None:
        """Take note that it came to none."""

    def give(self, invocation: Invocation) -> None:
        """Hand over an event."""

    def shut(self, reason: str, deadline: float) -> bool:
        """Tell extensions that the environment ends; say whether any asked for that."""

    def forget(self, ticket: int) -> None:
        """Take note that whoever waited has gone."""

    def drain(self) -> list[Reply | Done | Crashed | Subscription | Told]:
        """Return what has become due."""


class Faults(Protocol):
    """The payloads that the platform makes (`runtime.faults`)."""

    def timed_out(self, ident: str, seconds: float) -> bytes:
        """Of an invocation that took too long."""

    def exited(self, ident: str, status: int, error_type: str = "") -> bytes:
        """Of an invocation whose runtime ended."""

    def crashed(self, ident: str, error_type: str, words: str) -> bytes:
        """Of an invocation whose environment ended with one of its extensions."""

    def out_of_memory(self, ident: str) -> bytes:
        """Of an invocation that used too much memory."""


class Events(Protocol):
    """What the platform tells (`runtime.events`)."""

    def init_start(self, runtime: str, region: str, function: str, version: str) -> Told:
        """When a cold start begins."""

    def init_done(self, status: str = "success", error_type: str = "") -> Told:
        """When the runtime's init has ended."""

    def init_report(self, seconds: float, status: str = "success", error_type: str = "") -> Told:
        """When a cold start has ended."""

    def start(self, ident: str, version: str, trace: str = "", tenant: str = "") -> Told:
        """Before an invocation's own lines."""

    def runtime_done(
        self,
        ident: str,
        status: str,
        seconds: float,
        produced: int,
        spans: list[dict[str, Any]],
        error_type: str = "",
        trace: str = "",
        tenant: str = "",
        lines: tuple[str, ...] = (),
    ) -> Told:
        """When the runtime has done its part; `lines` are a log's when it did not end well."""

    def end(self, ident: str) -> Told:
        """After an invocation's own lines."""

    def report(
        self,
        ident: str,
        seconds: float,
        memory: int,
        peak: int,
        init: float | None = None,
        status: str = "",
        error_type: str = "",
        trace: str = "",
        tenant: str = "",
    ) -> Told:
        """The figures."""

    def timed_out(self, time: str, ident: str, seconds: float) -> str:
        """A log's line of an invocation that took too long."""

    def exited(self, ident: str, status: int, error_type: str = "Runtime.ExitError") -> tuple[str, str]:
        """A log's lines of a runtime that ended."""


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[E]):
    """Everything outside that an environment uses; one for all environments."""

    spawn: Callable[[Plan], Jail]
    """Blocks for some milliseconds; called in a thread."""
    serve: Callable[[E, Jail], Callable[[], None]]
    """Starts accepting on the jail's listeners for that environment, on the loop; returns what stops it."""
    machine: Callable[[Function, tuple[str, ...]], RuntimeApi]
    """(function, names of its external extensions)."""
    faults: Faults
    events: Events
    telemetry: Shapes
    log: Callable[[E, str, str], None]
    """(environment, `stdout`, `stderr` or `platform`, line). Called on the loop; must not block."""
    now: Now
    tick: Callable[[], float]
    """Seconds of a clock that never goes back."""
    region: str = "us-east-1"
