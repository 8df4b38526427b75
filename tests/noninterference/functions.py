"""Functions that hang on every bit they see: what a function does next is drawn from all that it has seen.

Knows how an environment serves an event. Does not know what is kept of it.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextvars import ContextVar
from random import Random
from typing import Any

from tests.noninterference.calls import Asking, made
from tests.noninterference.cloud import Token
from tests.noninterference.worlds import FUNCTIONS, QUEUES, REGION, digest
from valve_aws import runtime
from valve_aws.course import commands as ask
from valve_aws.course.carry import cross, turn_away
from valve_aws.course.drive import drive
from valve_aws.course.subject import Subject
from valve_aws.model.call import Call, Unreadable
from valve_aws.model.invocation import Done, Kind
from valve_aws.model.label import Label

Path = tuple[str, ...]
PATH: ContextVar[Path] = ContextVar("path", default=())
"""Which event this is, by what led to it: the same in both twins as long as they are alike."""

SLOT = (2000.0, 400.0, 80.0, 16.0)
"""How long an invocation lasts, by its depth."""

STEPS = 7

STREAMED = "streamed"
"""Stands for a body that is made while it is sent."""

ENDS = (Kind.RESPONSE,) * 8 + (Kind.ERROR,) * 2 + (Kind.EXIT, Kind.TIMEOUT)
IDS = re.compile(
    r"r-[0-9a-f]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|\b[mhun]~\w+"
)


def plain(text: str) -> str:
    """Return a text with the ids in it renamed."""
    return IDS.sub("ID", text)


class Environment:
    """An execution environment whose function draws each next step from all that it has seen so far."""

    def __init__(self, run: Any, function: Any, label: Label) -> None:
        run.made += 1
        self.run, self.function = run, function
        self.subject = Subject(f"e{run.made}", function.logical, label)
        self.alive, self.memory = False, digest(function.logical, run.world.seed)
        self.tokens: dict[str, list[tuple[str, Any]]] = {}
        self.known: dict[str, str] = {}
        self.path: Path = ()
        self.step = 0
        self.baseline: Label = label
        self.crossed, self.peak = False, 0

    async def start(self) -> None:
        """Run the init phase, which writes a line of its own, and of every other function makes a call."""
        self.alive, self.path = True, (*PATH.get(), "init")
        self._begin()
        if self._calls_at_its_start:
            await self._request(Asking(Random(self.memory), self.memory, {}).call(), 0)
        self.baseline = self.subject.label

    async def start_ahead(self) -> bool:
        """Start as a spare, which a call of its init ends."""
        self.alive, self.crossed = not self._calls_at_its_start, self._calls_at_its_start
        return self.alive

    def adopt(self, label: Label) -> None:
        """Be for events of this label from now on; what the start wrote is told now."""
        self.subject.take(label, ())
        self.baseline |= label
        self._begin()

    @property
    def _calls_at_its_start(self) -> bool:
        return self._dice().random() < 0.5

    def _begin(self) -> None:
        self._platform(runtime.report.init_start("python3.11", REGION))
        self.run.housing.lines.take(self, "stdout", "init")

    async def close(self, *_: Any) -> None:
        self.alive = False

    async def invoke(self, ident: str, payload: bytes, **_: Any) -> Done:
        """Serve one event: steps until the dice say stop, the end always at the same time."""
        run, self.path, self.step = self.run, PATH.get(), 0
        ends = run.time() + SLOT[min(len(self.path) - 1, len(SLOT) - 1)]
        text = runtime.report
        self._platform(text.start(ident))
        woken = run.beyond(self.path[0])
        self._saw("event", plain(payload.decode("utf-8", "replace")), "woken" if woken else "")
        while self.step < STEPS and self._dice().random() < 0.9:
            await asyncio.sleep(0.5 + Random(digest(*self.path, self.step)).random())
            await self._act()
            self.step += 1
        dice = self._dice()
        kind = dice.choice(ENDS)
        if kind in {Kind.EXIT, Kind.TIMEOUT}:
            self.alive = False
        await asyncio.sleep(max(0.0, ends - run.time()))
        figures = (
            ident,
            1.0,
            128,
            int(self.memory[:4], 16) << 20,
            None,
            "error" if kind is Kind.EXIT else "",
        )
        if kind is Kind.EXIT:
            for line in text.exited(ident, int(self.memory[:2], 16)):
                self._platform(line)
        self._platform(text.end(ident))
        self._platform(text.report(*figures))
        failed = [
            {"itemIdentifier": i}
            for i in re.findall(r'"messageId": "([^"]*)"', payload.decode("utf-8", "replace"))
            if dice.random() < 0.3
        ]
        payload = f'{{"told": "{self.memory}", "batchItemFailures": {json.dumps(failed)}}}'.encode()
        return Done(kind, payload)

    def _platform(self, line: str) -> None:
        self.run.housing.lines.take(self, "platform", line)  # type: ignore[arg-type]  # it has what is used

    def _dice(self) -> Random:
        return Random(self.memory)

    def _saw(self, what: str, shown: Any, how: str = "") -> None:
        """Take something in; if he may, the outsider sees it too. `how`: by a probe, or woken by a queue
        that may hold more."""
        shown = self._renamed(shown)
        self.memory = digest(self.memory, what, shown)
        self.run.note(self, what, self.memory, shown, how)

    def _renamed(self, value: Any) -> Any:
        if isinstance(value, Token):
            return self.known.setdefault(value, f"id{len(self.known)}")
        if isinstance(value, list | tuple):
            return [self._renamed(v) for v in value]
        return value

    async def _act(self) -> None:
        dice = self._dice()
        kind = dice.choices(("call", "log", "invoke", "both"), (12, 2, 2, 2))[0]
        if kind == "log":
            self.run.housing.lines.take(self, "stdout", f"says {self.memory}")  # type: ignore[arg-type]  # as above
            self.memory = digest(self.memory, "logged")
        elif kind == "invoke" and len(self.path) < len(SLOT):
            await self._invoke(dice)
        elif kind == "both":
            # Why these: an upload whose content is made while it is sent, and a read beside it.
            upload = Asking(dice, STREAMED, self.tokens).upload()
            beside = Asking(dice, self.memory, self.tokens).call()
            await asyncio.gather(self._request(upload, 0), self._request(beside, 1))
        else:
            await self._request(Asking(dice, self.memory, self.tokens).call(), 0)

    async def _invoke(self, dice: Random) -> None:
        arn = dice.choice(tuple(FUNCTIONS.values()))
        params = {"FunctionName": arn, "Payload": f'{{"told": "{self.memory}"}}'}
        if dice.random() < 0.4:
            params["InvocationType"] = "Event"
        until = self.run.time() + SLOT[len(self.path) - 1] / 4.5
        await self._request(made("lambda", "Invoke", params), 0)
        await asyncio.sleep(max(0.0, until - self.run.time()))

    async def _request(self, call: Call | Unreadable, beside: int) -> None:
        run, shown, probed = self.run, [], False
        court = run.passage.court

        def act(command: ask.Command) -> Any:
            match command:
                case ask.Forward():
                    return run.passage.guarded(command.record, run.forward(self, command, beside))
                case ask.Release(reply):
                    shown.append(reply.body)
                case ask.Refuse():
                    shown.append("refused")
                case ask.Fail():
                    shown.append("no answer")
                case _:
                    return run.passage.at_once(command)
            return None

        if isinstance(call, Unreadable):
            await drive(turn_away(court, self.subject, call), act)
            told: Any = (call.service, call.operation)
        else:
            verdict = await drive(cross(court, self.subject, call), act)
            run.view.asked.add((call.service, call.operation))
            if verdict.passes:
                run.view.passed.add((call.service, call.operation))
            probed = any(run.beyond(store) for store in verdict.probed)
            told = (call.service, call.operation, call.resources, str(dict(call.params)))
            self._keep(call, shown)
        run.view.all.append((self.path, self.step, told, shown))
        woken = self.path[-1] == "init" and run.beyond(self.path[0])
        self._saw(f"{told[:2]}", shown, "woken" if woken else "probe" if probed else "")

    def _keep(self, call: Call, shown: list[Any]) -> None:
        """Remember the ids that a reply gave."""
        where = (
            f"/{call.params['Bucket']}/{call.params['Key']}"
            if "Key" in call.params and "Bucket" in call.params
            else ""
        )
        where = where or next((r for r in call.resources if r in QUEUES), "")
        for token in _tokens(shown):
            self.tokens.setdefault(token[0], []).append((where, token))


def _tokens(value: Any) -> list[Token]:
    if isinstance(value, Token):
        return [value]
    return [t for v in value for t in _tokens(v)] if isinstance(value, list | tuple) else []
