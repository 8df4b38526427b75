"""What an environment needs of other rooms, as Protocols.

Knows signatures. Does not know who answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from valve_aws.model.invocation import Answer, Begun, Done, Invocation, Reply, Wait
from valve_aws.model.plan import Jail, Plan
from valve_aws.model.ports import Now
from valve_aws.model.stack import Function

E = TypeVar("E")
"""The environment; its own class lies above this one."""


class RuntimeApi(Protocol):
    """One environment's Runtime API, without sockets (`runtime.Machine`)."""

    @property
    def idle(self) -> bool:
        """Say whether everything inside waits for an event."""

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

    def drain(self) -> list[Reply | Done]:
        """Return what has become due."""


class Faults(Protocol):
    """The payloads that the platform makes (`runtime.faults`)."""

    def timed_out(self, ident: str, seconds: float) -> bytes:
        """Of an invocation that took too long."""

    def exited(self, ident: str, status: int) -> bytes:
        """Of an invocation whose runtime ended."""

    def out_of_memory(self, ident: str) -> bytes:
        """Of an invocation that used too much memory."""


class Wording(Protocol):
    """The platform's own log lines (`runtime.report`)."""

    def init_start(self, runtime: str, region: str) -> str:
        """When a cold start begins."""

    def init_report(self, seconds: float, status: str, error_type: str = "") -> str:
        """When a cold start failed."""

    def start(self, ident: str) -> str:
        """Before an invocation's own lines."""

    def end(self, ident: str) -> str:
        """After them."""

    def timed_out(self, time: str, ident: str, seconds: float) -> str:
        """When it took too long."""

    def exited(self, ident: str, status: int, error_type: str = "Runtime.ExitError") -> tuple[str, str]:
        """When its runtime ended."""

    def report(
        self,
        ident: str,
        seconds: float,
        memory: int,
        peak: int,
        init: float | None = None,
        status: str = "",
        error_type: str = "",
    ) -> str:
        """The figures."""


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[E]):
    """Everything outside that an environment uses; one for all environments."""

    spawn: Callable[[Plan], Jail]
    """Blocks for some milliseconds; called in a thread."""
    serve: Callable[[E, Jail], Callable[[], None]]
    """Starts accepting on the jail's listeners for that environment, on the loop; returns what stops it."""
    machine: Callable[[Function], RuntimeApi]
    faults: Faults
    wording: Wording
    log: Callable[[E, str, str], None]
    """(environment, `stdout`, `stderr` or `platform`, line). Called on the loop; must not block."""
    now: Now
    tick: Callable[[], float]
    """Seconds of a clock that never goes back."""
    region: str = "us-east-1"
