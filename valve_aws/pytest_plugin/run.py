"""One test's use of the guard, from what it asks for to what becomes of it at its end.

Knows a test's own settings and what it has to answer for. Does not know how anything is judged or told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from valve_aws.backend import NotStarted
from valve_aws.canary import Lookout
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid
from valve_aws.pytest_plugin.canary import Canary
from valve_aws.pytest_plugin.cloud import Cloud
from valve_aws.pytest_plugin.files import mode_of, template_of
from valve_aws.pytest_plugin.flows import ValveFlows
from valve_aws.pytest_plugin.lambdas import Function, Lambdas
from valve_aws.pytest_plugin.session import Guarded, Session, Wanted
from valve_aws.pytest_plugin.stack import ValveStack
from valve_aws.report.flows import Flows
from valve_aws.valve import Valve

T = TypeVar("T")


class Run:
    """What one test has to do with the guard."""

    def __init__(self, session: Session, node: pytest.Item, policy: Path | None) -> None:
        self._session, self._node, self._policy = session, node, policy
        self._found: Guarded | None = None
        self._flows = ValveFlows(self._asked)
        self._shown = 0
        self._canary: Canary | None = None
        self._invoked: set[str] = set()

    @property
    def valve(self) -> Valve:
        """Return the valve of this test, opened when it is first needed."""
        return self._guarded.valve

    @property
    def _guarded(self) -> Guarded:
        if self._found is None:
            config = self._session.config
            wanted = Wanted(
                template_of(self._node, config),
                self._policy,
                mode_of(self._node, config),
                "valve_canary" in getattr(self._node, "fixturenames", ()),
            )
            self._found = self._session.guarded(wanted)
        return self._found

    def cloud(self) -> Cloud:
        """See the fixture `valve_cloud`."""
        session = self._session
        return told(lambda: Cloud(self.valve.stack, session.loop.call(self.valve.cloud()), session.boto3))

    def stack(self) -> ValveStack:
        """See the fixture `valve_stack`."""
        return ValveStack(self.cloud())

    def lambdas(self) -> Lambdas:
        """See the fixture `valve_lambda`. Skips the test, or fails it, where this host cannot enforce."""
        if lacking := self._session.lacking():
            why = f"this host cannot enforce: {lacking}"
            if self._session.config.getini("valve_require") == "enforced":
                pytest.fail(f"{why} (`valve_require = enforced`)", pytrace=False)
            pytest.skip(why)
        told(lambda: self.valve)
        return Lambdas(self._function)

    def canary(self) -> Canary:
        """See the fixture `valve_canary`."""
        if self._canary is None:
            lookout = Lookout(self._session.flock)
            self._canary = Canary(lookout, self.cloud(), self.valve.stack, self._asked)
            self._canary.plant()
            self.valve.passage.lookout = lookout
        return self._canary

    def flows(self) -> ValveFlows:
        """See the fixture `valve_flows`."""
        told(lambda: self.valve)
        return self._flows

    def _function(self, named: str) -> Function:
        __tracebackhide__ = True
        logical = told(lambda: self.valve.choose(named, ""))
        told(lambda: self.valve.prepare(logical))
        return Function(logical, self._invoke, self._asked(), self._guarded.ear.logs)

    def _invoke(self, function: str, payload: bytes, source: str) -> tuple[bytes, bool, str, list[Record]]:
        valve, loop, before = self.valve, self._session.loop, len(self.valve.records)
        told(lambda: valve.choose(function, source))
        self._invoked.add(function)
        loop.call(valve.rested())  # Why: one that is nearly ready is there sooner than another beside it
        done = loop.call(valve.invoke(function, payload, source))
        loop.call(valve.drain())
        self._show()
        records = [
            record
            for record in valve.records[before:]
            if record.function == function and record.invocation in {done.invocation, ""}
        ]
        return done.payload, done.failed, done.invocation, records

    def _asked(self) -> Flows:
        """Return what can be asked by now; what was woken comes to its end first."""
        valve = self.valve
        self._session.loop.call(valve.drain())
        return Flows(valve.records, valve.stack, valve.policy, valve.ledger.title)

    def _show(self) -> None:
        """Give the test's report what an operator would have seen since the last time."""
        said = self._guarded.ear.said
        if fresh := said[self._shown :]:
            self._node.add_report_section("call", "valve", "\n".join(fresh))
        self._shown = len(said)

    def close(self) -> None:
        """Count what was seen, begin the guard's next run, and fail the test for what nobody expected."""
        if self._found is None:
            return
        try:
            flows = self._asked()
            unexpected = self._flows.unexpected(self.valve.refusals)
            self._session.summary.add(self._node, flows, unexpected)
            wrong = self._refused(unexpected, flows) + (self._canary.wrong() if self._canary else [])
            if self._session.lock:
                valve = self.valve
                self._session.lock.add(valve.stack, valve.policy, flows.records)
        finally:
            self._session.renew(self._found, self._invoked)
        if wrong:
            pytest.fail("\n\n".join(wrong), pytrace=False)

    def _refused(self, unexpected: Sequence[Record], flows: Flows) -> list[str]:
        if not unexpected:
            return []
        number = f"{len(unexpected)} {'refusal' if len(unexpected) == 1 else 'refusals'}"
        speaks = "that no assertion of this test speaks of (`valve_flows.assert_refused(…)`):"
        return [f"{number} {speaks}", flows.told(unexpected)]


def told(act: Callable[[], T]) -> T:
    """Do something; a mistake of the user's ends the test with its one line."""
    __tracebackhide__ = True
    try:
        return act()
    except (Invalid, NotStarted) as mistake:
        return pytest.fail(f"valve: {mistake}", pytrace=False)
