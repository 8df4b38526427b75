"""One raw connection of one environment: judged before its first byte, then forwarded both ways.

Knows how it is joined to where it goes. Does not know what is said on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from valve_aws.course import commands as ask
from valve_aws.course.carry import cross
from valve_aws.course.drive import drive
from valve_aws.course.subject import Subject
from valve_aws.course.visit import connect
from valve_aws.model.ports import Outcome
from valve_aws.passage.driver import BODY, Passage
from valve_aws.proxy import Dial


async def dial(passage: Passage, subject: Subject, dialled: Dial) -> None:
    """Take one raw connection of an environment through."""
    host = dialled.origin.asked or dialled.origin.address
    call = connect(host, dialled.origin.port)
    watch = None
    if passage.lookout is not None:
        watch = passage.lookout.stream(passage.lookout.place(subject.function, call), BODY)
    await drive(cross(passage.court, subject, call), Connection(passage, dialled, host, watch).act)


class Connection:
    """One raw connection of one environment."""

    def __init__(
        self, passage: Passage, dial: Dial, host: str, watch: Callable[[bytes], None] | None = None
    ) -> None:
        self._passage, self._dial, self._host, self._watch = passage, dial, host, watch

    def act(self, command: ask.Command) -> Any:
        """Answer a command, or return an awaitable of the answer."""
        match command:
            case ask.Forward(record):
                return self._passage.guarded(record, self._splice())
            case ask.Release():
                return None
            case ask.Refuse() | ask.Fail():
                return self._dial.refuse()
            case _:
                return self._passage.at_once(command)

    async def _splice(self) -> ask.Reply:
        """Forward both ways; the reply stands for the whole conversation, which is judged before its first
        byte."""
        host, port = await self._passage.place(self._host, self._dial.origin.port)
        try:
            await self._dial.splice(host, port, self._watch)
        except asyncio.CancelledError:
            self._dial.cut()
            raise
        except OSError as error:
            raise ask.Lost(Outcome.FAILED, str(error)) from error
        return ask.Reply(0, Outcome.DONE)
