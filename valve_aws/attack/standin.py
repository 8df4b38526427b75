"""Somebody's own template and policy, with hostile code in place of each function's.

Knows how a stand-in is run and what its attempts came to. Does not know which ways out there are.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from valve_aws import application, template
from valve_aws.attack.allowed import allowing
from valve_aws.attack.files import staged
from valve_aws.attack.finding import Finding, State
from valve_aws.attack.ground import WEB, Ground
from valve_aws.attack.outlets import FAMILIES, Outlet, named_hosts, outlets
from valve_aws.attack.places import THEIRS
from valve_aws.attack.server import fresh
from valve_aws.attack.sources import Source, arriving, stored
from valve_aws.backend import Seed
from valve_aws.model.invocation import Beside
from valve_aws.model.label import CLEAN
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Code, Function
from valve_aws.model.verdict import Holding, Mode
from valve_aws.settings import Settings
from valve_aws.valve import Finished

Say = Callable[[str], None]

RESULT = Outlet("results", "the result", {"kind": "result"}, "result:", "results")
BEHIND = Outlet("behind", "a later event of the same function", {"kind": "left"}, "left:")

SECONDS, MEMORY = 60, 256
"""What a stand-in has at least, whatever the function was given."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a stand-in with one source: what it was given to say at each way out, and what came back."""

    function: str
    source: Source
    tokens: dict[Outlet, str]
    finished: tuple[Finished, ...]
    learned: bool


class StandIns:
    """One template under attack."""

    def __init__(
        self,
        home: Path,
        told: Settings,
        only: frozenset[str],
        say: Say,
        lacking: frozenset[str] = frozenset(),
    ) -> None:
        """`only` are the families of ways out that are tried, none for all. Raises `Invalid`.

        `lacking`: steps that the judgement does without, to see that a hole in it is found.
        """
        self._lacking = lacking
        stack, _ = application.read(replace(told, seed=None), say)
        self.rules = application.rules(told, stack)
        self.mode = Mode(told.mode) if told.mode else self.rules.mode
        self._say = say
        self.functions = [f for f in stack.functions.values() if f.runtime.startswith("python")]
        self.others = [f for f in stack.functions.values() if f not in self.functions]
        if not self.functions:
            raise Invalid(Where(stack.file), "there is no Python function to stand in for")
        self._schemas = template.schema(stack)
        everything = [*outlets(stack, self.rules, self._schemas), RESULT, BEHIND]
        self.outlets = [o for o in everything if not only or o.family in only]
        code = staged(home) / "src"
        swapped = {f.logical: _swapped(f, code) for f in self.functions}
        self._stack = replace(stack, functions={**stack.functions, **swapped})
        settings = replace(told, backend="moto", seed=None, policy=told.policy)
        self._ground = Ground(home, settings, self._stack, self.rules)

    def run(self) -> Iterator[Finding]:
        """Yield what each attempt came to. Raises `NotStarted`, `SandboxError`."""
        web, self._raw = named_hosts(self.outlets)
        topics = [r.name for r in self._stack.resources.values() if r.kind == "AWS::SNS::Topic"]
        self._ground.start((*WEB, *web), topics)
        self._ground.cloud.takes = False
        try:
            shown = self._shown()
            sources = list(stored(self._stack, self.rules, self._schemas, lambda: fresh("s")))
            for function in self.functions:
                coming = arriving(function, self.rules, lambda: fresh("s"))
                for source in (*sources, *coming):
                    self._say(
                        f"valve: {function.logical} with {source.title} ({', '.join(sorted(source.tags))})"
                    )
                    seeds = tuple(s.seed for s in sources if s.seed)
                    attempt = self._ground.do(self._attempt(function, source, self.mode, seeds))
                    if attempt.learned:
                        yield from self._findings(attempt, shown)
        finally:
            self._ground.close()

    def _shown(self) -> frozenset[Outlet]:
        """Return the ways out by which something gets out when nothing guards."""
        self._say("valve: with the guard off, to see what would get out")
        text = fresh("s")
        source = Source("an event", CLEAN, text, event={"content": text})
        attempt = self._ground.do(self._attempt(self.functions[0], source, Mode.OFF))
        return frozenset(outlet for outlet in self.outlets if self._arrived(attempt, outlet))

    async def _attempt(
        self, function: Function, source: Source, mode: Mode, seeds: tuple[Seed, ...] = ()
    ) -> Attempt:
        """Run a stand-in, and then once more what it may have left behind for an event without a label."""
        lacking = frozenset() if mode is Mode.OFF else self._lacking
        valve = await self._ground.valve(mode, "label", lacking, seeds, self._raw)
        trial = fresh("t")
        tokens = {outlet: fresh("x") for outlet in self.outlets}
        payload = {
            **source.event,
            "trial": trial,
            "account": self._stack.account,
            "source": dict(source.read) or {"payload": source.marker},
            "outlets": [{**o.step, "token": tokens[o]} for o in self.outlets if o not in (RESULT, BEHIND)],
            "result": tokens.get(RESULT, ""),
            "left": tokens.get(BEHIND, ""),
        }
        beside = Beside(tenant=trial)
        first = await valve.invoke(
            function.logical, json.dumps(payload).encode(), source.trigger, beside, Holding(source.carried)
        )
        await valve.drain()
        later = await valve.invoke(function.logical, b'{"ask": "left"}', "", beside)
        await asyncio.to_thread(self._ground.cloud.look, {o.place for o in self.outlets})
        looked = source.read.get("operation")
        learned = (bool(first.invocation) and not looked) or any(
            (r.invocation, r.operation, r.verdict) == (first.invocation, looked, "allow")
            for r in valve.records
        )
        return Attempt(function.logical, source, tokens, (first, later), learned)

    def _arrived(self, attempt: Attempt, outlet: Outlet) -> bool:
        text = attempt.source.marker + attempt.tokens[outlet]
        if outlet in (RESULT, BEHIND):
            return text.encode() in attempt.finished[outlet is BEHIND].payload
        return self._ground.ledger.has(outlet.place, [text])

    def _findings(self, attempt: Attempt, shown: frozenset[Outlet]) -> Iterator[Finding]:
        for outlet in self.outlets:
            state, text, where = self._judged(attempt, outlet, outlet in shown)
            yield Finding(
                outlet.family, outlet.title, state, text, where, attempt.function, attempt.source.title
            )

    def _judged(self, attempt: Attempt, outlet: Outlet, shown: bool) -> tuple[State, str, Where]:
        source, nowhere = attempt.source, Where("")
        if not self._arrived(attempt, outlet):
            if shown:
                return State.HELD, "stopped", nowhere
            return State.UNSHOWN, "nor did it with the guard off", nowhere
        where = allowing(self.rules, outlet, source.tags, attempt.function, source.trigger)
        if where is None and self.mode is not Mode.ENFORCE:
            return State.OUT, f"mode `{self.mode}` refuses nothing", nowhere
        if where is None:
            return State.OUT, "nothing in the policy lets it", nowhere
        if outlet.place in THEIRS:
            return State.OUT, "this line takes the attacker's place in", where
        return State.ALLOWED, "", where


def _swapped(function: Function, code: Path) -> Function:
    """Return the function with the stand-in's code; role, variables and triggers stay.

    Why this interpreter: what is tried does not depend on its version, and another would be installed first.
    """
    return replace(
        function,
        code=Code(folder=code),
        layers=(),
        handler="probe.handler",
        runtime=f"python{sys.version_info[0]}.{sys.version_info[1]}",
        timeout=max(function.timeout, SECONDS),
        memory=max(function.memory, MEMORY),
    )


__all__ = ["FAMILIES", "StandIns"]
