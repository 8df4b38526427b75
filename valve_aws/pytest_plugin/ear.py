"""What a run says, kept for the test that it is about.

Knows the guard's own lines and the functions' log lines. Does not know who shows them.
"""

from __future__ import annotations

from valve_aws.course.subject import Subject
from valve_aws.model.safe import lines
from valve_aws.report.flows import Line


class Ear:
    """The lines of one valve since its run began."""

    def __init__(self) -> None:
        self.said: list[str] = []
        """What an operator would see, harmless to show."""
        self._logs: dict[str, list[str]] = {}
        self.free: list[Line] = []
        """The lines of labelled environments that left whole: nothing spoke against it, so no record does."""

    def say(self, line: str) -> None:
        """Take in a line of the guard's."""
        if line:
            self.said.append(lines(line))

    def hear(self, who: Subject, stream: str, line: str, free: bool) -> None:
        """Take in a line of a function's log, as it wrote it."""
        if stream == "platform":
            return
        self._logs.setdefault(who.invocation, []).append(line)
        if free and who.label:
            self.free.append(Line(who.function, who.label, line))

    def logs(self, invocation: str) -> tuple[str, ...]:
        """Return what one invocation has written, line by line; for a test to read, not to be shown raw."""
        return tuple(self._logs.get(invocation, ()))

    def clear(self) -> None:
        """Forget all."""
        self.said.clear()
        self.free.clear()
        self._logs.clear()
