"""What lives as long as the test session: the loop, the embedded cloud, and a valve for each application.

Knows what is shared and what is begun anew for each test. Does not know what tests do with it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from valve_aws.backend import NotStarted, Standing
from valve_aws.canary import Flock, hatch
from valve_aws.model.safe import lines
from valve_aws.pytest_plugin.ear import Ear
from valve_aws.pytest_plugin.files import beside, project_of
from valve_aws.pytest_plugin.host import answers, chance, place
from valve_aws.pytest_plugin.lock import NAME, Locks
from valve_aws.pytest_plugin.loop import Loop
from valve_aws.pytest_plugin.summary import Summary, summary_of
from valve_aws.settings import Settings
from valve_aws.valve import Valve, zygotes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which guard a test wants."""

    template: Path
    policy: Path | None
    mode: str
    canary: bool = False
    """Its functions have decoys among their variables."""
    apart: bool = False
    """With an embedded cloud of its own, which no other test's run empties."""


KEPT = 4
"""Valves that stay open, with their spares, for the applications that tests took turns with."""


class Guarded:
    """One valve and its ear."""

    def __init__(self, valve: Valve, ear: Ear) -> None:
        self.valve, self.ear = valve, ear
        self.served: set[str] = set()
        """Functions that have been invoked in this session."""


class Session:
    """Everything of one pytest process; workers of pytest-xdist have one each and share nothing."""

    def __init__(self, config: pytest.Config, backend: str, home: Path) -> None:
        self.config, self._backend, self._home = config, backend, home
        self._place = place()  # Why now: tests have the environment changed
        self.summary: Summary = summary_of(config)
        self._loop: Loop | None = None
        self._clouds = (Standing(), Standing())
        """What stands for each test's cloud in turn, and what the fixtures that outlast tests have."""
        self._zygotes = zygotes()
        self._guarded: dict[Wanted, Guarded] = {}
        self._opening = 0
        self._strength: str | None = None
        self.boto3: list[Any] = []
        """The boto3 session that tests' clients are made of, once there is one."""

    @cached_property
    def flock(self) -> Flock:
        """Return the decoys of this session."""
        return hatch(chance)

    @property
    def lock(self) -> Locks | None:
        """Return what holds uses against `valve.lock`; None where nobody asked for it."""
        found: Locks | None = self.config.pluginmanager.get_plugin(NAME)
        return found

    @property
    def loop(self) -> Loop:
        """Return the loop, started when it is first needed."""
        if self._loop is None:
            self._loop = Loop()
        return self._loop

    def guarded(self, wanted: Wanted) -> Guarded:
        """Return the valve of an application, at the beginning of a run. Raises `Invalid`."""
        found = self._guarded.pop(wanted, None) or self._opened(wanted)
        self._guarded[wanted] = found  # Why anew: the one used last stands last
        found.valve.clock.run()
        others = [each for each in self._guarded if each != wanted and not each.apart]
        for old in others[: max(0, len(others) + 1 - KEPT)]:
            self.loop.call(self._guarded.pop(old).valve.close())
        return found

    def _opened(self, wanted: Wanted) -> Guarded:
        ear = Ear()
        self._opening += 1
        number = self._opening
        outside = self._backend != "moto"
        settings = Settings(
            template=wanted.template,
            project=project_of(self.config),
            stack=self._apart(wanted.template) if outside else "",
            create=outside,
            seed=beside(wanted.template, "seed.yaml"),
            policy=wanted.policy,
            mode=wanted.mode,
            backend=self._backend,
            place=self._place,
            variables={"Parameters": self.flock.variables()} if wanted.canary else {},
            spares=1,
            audit=self._home / f"audit-{number}.jsonl",
            labels=self._home / f"labels-{number}.db",
        )
        if outside:
            self._must_answer(settings)
        cloud = self._clouds[wanted.apart]
        valve = Valve.read(settings, ear.say, heard=ear.hear, moto=cloud.start, zygotes=self._zygotes)
        if not outside and valve.stack.calls:
            cloud.ahead()
        self.loop.call(valve.open())
        return Guarded(valve, ear)

    def _must_answer(self, settings: Settings) -> None:
        """See that somebody listens where a URL leads; LocalStack is looked for elsewhere. Raises
        `NotStarted`."""
        from valve_aws import application

        endpoint = application.outside(settings)
        if endpoint and endpoint.kind == "url" and not answers(endpoint.host, endpoint.port):
            remedy = "start it, or name another with `--valve-backend` or the fixture `valve_backend`"
            raise NotStarted(f"nothing listens at `{endpoint.url}`; {remedy}")

    def _apart(self, path: Path) -> str:
        """Return the stack's name where workers share a backend: each has names of its own; "" alone."""
        from valve_aws import template

        worker = getattr(self.config, "workerinput", {}).get("workerid", "")
        return f"{template.project(path).name}-{worker}" if worker else ""

    def done(self, guarded: Guarded, invoked: set[str], again: bool) -> None:
        """End a valve's run, in which these functions were invoked; begin its next, if one is expected.

        Why the first time waits: what is made ahead would else be made while the next test needs it.
        """
        if not again:
            self._guarded = {wanted: each for wanted, each in self._guarded.items() if each is not guarded}
            self.loop.call(guarded.valve.close())
            return
        self.loop.call(guarded.valve.renew())
        guarded.valve.clock.stop()  # Why: another test's time does not wake what is due here
        if not invoked <= guarded.served:
            guarded.served |= invoked
            self.loop.call(guarded.valve.rested())
        guarded.ear.clear()

    def lacking(self) -> str:
        """Return why this host cannot enforce, with the remedies of `valve doctor`; "" when it can."""
        if self._strength is None:
            from valve_aws import sandbox

            found = sandbox.strength()
            wrong = [f"{what}: {meaning}" for what, holds, meaning in found.checks if not holds]
            self._strength = "" if found.enforced else lines("; ".join(wrong) or "see `valve doctor`")
        return self._strength

    def close(self) -> None:
        """End everything: environments, zygotes, the embedded cloud, the thread."""
        with ExitStack() as ending:
            if self._loop is not None:
                ending.callback(self._loop.close)
            ending.callback(self._zygotes.close)
            for cloud in self._clouds:
                ending.callback(cloud.end)
            for guarded in self._guarded.values():
                ending.callback(lambda valve: self.loop.call(valve.close()), guarded.valve)
