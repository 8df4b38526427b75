"""One course in two halves: up to the sending of its call, and from the reply on; botocore sends in between.

Knows when a course stands still. Does not know what is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from valve_aws.course import commands as ask
from valve_aws.model.ports import Outcome

AT_ONCE: dict[type, Any] = {
    ask.Release: None,
    ask.Fail: None,
    ask.Pin: ask.Pinned(),
    ask.Sign: None,
    ask.Replace: None,
}
"""What is answered without a deed: the caller gets its reply from botocore itself, and a link stays as it was
made, which is for whatever version is there by then."""


class Halves:
    """A crossing that is taken up to `Forward`, and later on from there."""

    __slots__ = ("_act", "_course", "cut", "refused", "sending")

    def __init__(self, course: ask.Course[Any], act: Callable[[ask.Command], Any]) -> None:
        """`act` carries out every command that is not answered here; what it raises the course gets."""
        self._course, self._act = course, act
        self.sending: ask.Forward | None = None
        """The call that is under way; None before, after, and where nothing is to be sent."""
        self.refused: ask.Refuse | None = None
        """Not None: the caller is to be told that it was refused, be the reply here or not."""
        self.cut = False
        """The environment's label rose meanwhile, and the call may not go on."""

    def begin(self) -> None:
        """Go up to the sending: then `sending` is there, or `refused` is."""
        self._go(self._course.send, None)

    def reply(self, reply: ask.Reply) -> None:
        """Go on to the end with what came back."""
        self.sending = None
        self._go(self._course.send, reply)

    def lost(self, outcome: Outcome, why: str) -> None:
        """Go on to the end without a reply."""
        if self.sending is not None:
            self.sending = None
            self._go(self._course.throw, ask.Lost(outcome, why))

    def _go(self, step: Callable[[Any], ask.Command], answer: Any) -> None:
        while True:
            try:
                command = step(answer)
            except StopIteration:
                return
            step = self._course.send
            if isinstance(command, ask.Forward):
                self.sending = command
                return
            if isinstance(command, ask.Refuse):
                self.refused, answer = command, None
            elif type(command) in AT_ONCE:
                answer = AT_ONCE[type(command)]
            else:
                try:
                    answer = self._act(command)
                except BaseException as error:  # Why: as in `drive`; the course decides what it means
                    answer, step = error, self._course.throw
