"""The stage: one cloud, the attacker's machines, a valve for each strength, and every trial run on them.

Knows how a trial is run and where it is looked for. Does not know which attacks there are.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valve_aws import application
from valve_aws.attack.attack import Attack
from valve_aws.attack.files import staged
from valve_aws.attack.ground import Ground, Start, recorded
from valve_aws.attack.places import OPEN, THEIRS
from valve_aws.attack.server import fresh
from valve_aws.attack.wires import wire
from valve_aws.backend import Moto
from valve_aws.model.invocation import Beside
from valve_aws.model.record import Record
from valve_aws.model.verdict import Mode, Rule
from valve_aws.settings import Settings
from valve_aws.valve import Finished, Valve


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of an attack or its twin by one way. `secret` and `plain` are what it can read."""

    attack: Attack
    part: str
    way: str
    ident: str
    secret: str
    plain: str

    @property
    def name(self) -> str:
        """How a claim that fails calls it."""
        return f"{self.part} by {self.way}"

    @property
    def markers(self) -> tuple[str, ...]:
        """What would show that it got through."""
        return self.secret, self.plain


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial."""

    trial: Trial
    finished: tuple[Finished, ...]
    records: tuple[Record, ...]

    @property
    def told(self) -> Any:
        """What the function returned at last."""
        return json.loads(self.finished[-1].payload)

    def refused(self, call: str, rule: Rule) -> bool:
        """Say whether a record tells that this call was refused (in audit: would have been) for this rule."""
        return any(
            f"{r.service}:{r.operation}" == call and rule in {reason.rule for reason in r.reasons}
            for r in self.refusals
        )

    @property
    def refusals(self) -> tuple[Record, ...]:
        """The records of all that was refused."""
        return tuple(r for r in self.records if r.verdict == "refuse")


class Stage:
    """Everything that a trial needs. `start` it, `run` trials, ask what was `found`, `close`."""

    def __init__(self, home: Path, aged: Path | None = None, start: Start = Moto.start) -> None:
        """`home` is an empty folder of ours; `aged` holds an SDK of old (`sdk/`, `carried_over.py`); `start`
        starts what the cloud is."""
        folder = staged(home, aged)
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        settings = Settings(template=folder / "template.yaml", parameters={"Runtime": version})
        stack, _ = application.read(settings, _nothing)
        self._aged, self._stack = aged, stack
        self._ground = Ground(home, settings, stack, application.rules(settings, stack), start)
        self.said, self.ledger = self._ground.said, self._ground.ledger

    def start(self) -> None:
        """Start the cloud and the machines. Raises `NotStarted`."""
        self._ground.start(topics=("kept-news", "open-news"))
        self.cloud = self._ground.cloud
        wire(self.cloud.client, self._stack)

    def close(self) -> None:
        """End everything."""
        self._ground.close()

    def run(
        self,
        attack: Attack,
        part: str,
        mode: Mode,
        ways: Iterable[str] = (),
        lacking: Iterable[str] = (),
    ) -> list[Outcome]:
        """Run all parts of an attack (`part` "attack") or one part, as its twin, by each way, all at once.

        `lacking`: steps of the judgement that are taken away.
        """
        trials = [
            Trial(attack, each, way, fresh("t"), fresh("s"), fresh("p"))
            for each in (attack.parts if part == "attack" else (part,))
            for way in ways or self.ways(attack)
        ]
        for place in ("dynamodb:vault", *attack.seeds):
            self.cloud.put(place, {t.ident: t.secret for t in trials})
        self.cloud.put("dynamodb:shelf", {t.ident: t.plain for t in trials})
        outcomes: list[Outcome] = []
        for together in [[trial] for trial in trials] if attack.alone else [trials]:
            outcomes += self._ground.do(self._all(together, mode, frozenset(lacking)))
            self.cloud.look({*attack.places, *THEIRS, *OPEN})
        for outcome in outcomes:
            for finished in outcome.finished:
                self.ledger.keep(f"result:{outcome.trial.ident}", finished.payload.decode("utf-8", "replace"))
        return outcomes

    def ways(self, attack: Attack) -> tuple[str, ...]:
        """Return the ways by which an attack can be tried here."""
        return tuple(way for way in attack.ways if way != "aged" or self._aged)

    def found(self, place: str, trial: Trial) -> bool:
        """Say whether something that a trial could read has turned up at a place."""
        if place == "result:":
            place = f"result:{trial.ident}"
        return self.ledger.has(place, trial.markers)

    def leaks(self, trial: Trial, *places: str) -> list[str]:
        """Return where a trial's markers turned up among these places and all that an outsider sees.

        What is unlabelled may lie in an own store that is open to everybody.
        """
        seen = [place for place in dict.fromkeys((*places, *THEIRS)) if self.found(place, trial)]
        return seen + [place for place in OPEN if self.ledger.has(place, (trial.secret,))]

    # Trials

    async def _all(self, trials: Sequence[Trial], mode: Mode, lacking: frozenset[str]) -> list[Outcome]:
        for late in {trial.way == "later" for trial in trials}:
            await self._ground.valve(mode, "carry" if late else "never", lacking)
        playing = [asyncio.ensure_future(self._one(trial, mode, lacking)) for trial in trials]
        try:
            played = await asyncio.gather(*playing)
        finally:
            for each in playing:
                each.cancel()
            await asyncio.wait(playing)  # Why: whoever is interrupted closes what they use
        # Why when all are done: a queue that wakes a function is served for whoever put something there.
        return [
            Outcome(trial, ended, recorded(valve, {f.invocation for f in ended}))
            for trial, (valve, ended) in zip(trials, played, strict=True)
        ]

    async def _one(
        self, trial: Trial, mode: Mode, lacking: frozenset[str]
    ) -> tuple[Valve, tuple[Finished, ...]]:
        """Run one trial in an environment of its own.

        Why a tenant: work after the return is fetched where it was left, by nobody else.
        """
        late = trial.way == "later"
        valve = await self._ground.valve(mode, "carry" if late else "never", lacking)
        told = {
            "attack": trial.attack.ident,
            "part": trial.part,
            "way": trial.way,
            "trial": trial.ident,
            "account": self._stack.account,
        }
        events = [told, {"ask": "later"}] if late else [told]
        beside = Beside(tenant=trial.ident if late else "")
        finished = [
            await valve.invoke(trial.attack.function, json.dumps(e).encode(), trial.attack.trigger, beside)
            for e in events
        ]
        await valve.drain()
        return valve, tuple(finished)


def _nothing(_: str) -> None:
    """Say nothing."""
