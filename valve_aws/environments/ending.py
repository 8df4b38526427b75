"""How an event, or an environment, ended: what its caller gets, and what the platform tells of it.

Knows the ends that there are. Does not know how an environment comes to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from valve_aws.environments.conversation import Conversation
from valve_aws.environments.surroundings import Surroundings
from valve_aws.model.invocation import Done, Invocation, Kind
from valve_aws.model.label import Label
from valve_aws.model.stack import Function
from valve_aws.model.telemetry import Told

STATUS = {Kind.RESPONSE: ("", ""), Kind.ERROR: ("", ""), Kind.TIMEOUT: ("timeout", "")}
"""What REPORT says of each end; whatever is not here is an error with its type."""
RUNTIME_STATUS = {Kind.RESPONSE: "success", Kind.ERROR: "error", Kind.TIMEOUT: "timeout"}
"""What `platform.runtimeDone` says of each end; whatever is not here is a failure."""


@dataclass(slots=True)
class Fate:
    """What became of the processes of one environment."""

    status: int | None = None
    """The runtime's exit status once all are gone; negative: a signal."""
    full: bool = False
    """They used more memory than they may."""
    peak: int = 0
    """The most memory that they were seen to use, in bytes."""


class Ending:
    """The ends of one environment's events."""

    def __init__(
        self,
        function: Function,
        around: Surroundings[Any],
        talk: Conversation,
        fate: Fate,
        time: Callable[..., str],
    ) -> None:
        """`time` writes a time, the present one if none is given."""
        self._function, self._around, self._talk = function, around, talk
        self._fate, self._time = fate, time

    def by_platform(self, ident: str, seconds: float) -> Done:
        """Return the end of an invocation that the runtime did not end itself."""
        faults, crashed, fatal = self._around.faults, self._talk.crashed, self._talk.api.fatal
        if crashed:
            told = faults.crashed(ident, crashed.error_type, crashed.words)
            return Done(Kind.EXIT, told, crashed.error_type)
        if self._fate.status is None:
            return Done(Kind.TIMEOUT, faults.timed_out(ident, seconds), "Sandbox.Timedout")
        if self._fate.full:
            return Done(Kind.MEMORY, faults.out_of_memory(ident), "Runtime.OutOfMemory")
        return Done(Kind.EXIT, faults.exited(ident, self._fate.status, fatal), fatal or "Runtime.ExitError")

    def of_start(self, failed: bool, ready: bool, label: Label) -> tuple[str, str]:
        """Return (status, error type) of an init, or of the runtime's part in it."""
        if failed:
            return "error", self._failure(label)
        return ("success" if ready else "timeout"), ""

    def _failure(self, label: Label) -> str:
        """Return the error type of an environment that failed."""
        if self._talk.done:
            return claimed(self._talk.done, label)
        if self._talk.crashed or self._talk.api.fatal:
            return self._talk.crashed.error_type if self._talk.crashed else self._talk.api.fatal
        return "Runtime.OutOfMemory" if self._fate.full else "Runtime.ExitError"

    def runtime_done(self, invocation: Invocation, done: Done, began: float, at: float, label: Label) -> Told:
        """Return what is told once the runtime has done its part, which began at a moment and time.

        Why not always: nobody reads of a part that went well but listeners and logs of JSON."""
        seconds, talk = self._around.tick() - began, self._talk
        return self._around.events.runtime_done(
            invocation.ident,
            RUNTIME_STATUS.get(done.kind, "failure"),
            seconds,
            talk.produced,
            self._spans(talk.answering - began, seconds, at) if talk.answering else [],
            claimed(done, label),
            invocation.trace,
            invocation.tenant,
            self._last_lines(invocation.ident, done),
        )

    def _spans(self, latency: float, whole: float, at: float) -> list[dict[str, Any]]:
        """Return how long the runtime took to begin its answer, and to end it."""
        started = self._time(at + latency)
        return [
            {"name": "responseLatency", "start": self._time(at), "durationMs": round(latency * 1000, 3)},
            {"name": "responseDuration", "start": started, "durationMs": round((whole - latency) * 1000, 3)},
        ]

    def _last_lines(self, ident: str, done: Done) -> tuple[str, ...]:
        """Return what a log of text has of an invocation that its runtime did not end itself."""
        if done.kind is Kind.TIMEOUT:
            return (self._around.events.timed_out(self._time(), ident, float(self._function.timeout)),)
        if self._talk.crashed and done.kind is Kind.EXIT:
            return (f"RequestId: {ident} Error: {self._talk.crashed.words}", done.error_type)
        if done.kind in {Kind.EXIT, Kind.MEMORY}:
            status = -9 if self._fate.status is None else self._fate.status
            return self._around.events.exited(ident, status, done.error_type)
        return ()

    def report(
        self, invocation: Invocation, done: Done, taken: float, init: float | None, label: Label
    ) -> Told:
        """Return the figures of an event that took so many seconds, `init` those of its cold start."""
        status, error_type = STATUS.get(done.kind, ("error", claimed(done, label)))
        figures = (invocation.ident, taken, self._function.memory, self._fate.peak, init, status, error_type)
        return self._around.events.report(*figures, invocation.trace, invocation.tenant)


def claimed(done: Done, label: Label) -> str:
    """Return the error type of an end as the platform's own lines have it, which go into every log.

    Why not always the function's word: it has room for a thousand bits of what a labelled one learned (law
    11).
    """
    return "Runtime.Unknown" if done.kind is Kind.INIT_ERROR and label else done.error_type
