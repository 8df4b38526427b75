"""One test's use of the guards, from what it asks for to what becomes of it at its end.

Knows a test's own settings and what it has to answer for. Does not know how anything is judged or told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from valve_aws.backend import NotStarted
from valve_aws.canary import Lookout
from valve_aws.model.plural import counted
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack
from valve_aws.pytest_plugin import coming
from valve_aws.pytest_plugin.canary import Canary
from valve_aws.pytest_plugin.cloud import Cloud, InProcess
from valve_aws.pytest_plugin.ear import Ear
from valve_aws.pytest_plugin.files import application_of, mode_of, policy_of, project_of, template_of
from valve_aws.pytest_plugin.flows import ValveFlows
from valve_aws.pytest_plugin.lambdas import Function, Lambdas
from valve_aws.pytest_plugin.session import Guarded, Session, Wanted
from valve_aws.pytest_plugin.stack import ValveStack
from valve_aws.report.flows import Flows, own
from valve_aws.valve import Valve

if TYPE_CHECKING:
    from valve_aws.cooperative.guarding import Guard

T = TypeVar("T")

STACK_FIXTURES = frozenset({"valve_cloud", "valve_stack", "valve_lambda"})

OUTLASTING = frozenset({"_valve_session_run"})

SHARED = "http://127.0.0.1"
"""Names, for a guard in process, a cloud to which others write as well."""

LOOKING = "valve_canary"
"""The fixture that has decoys looked for."""


class Run:
    """What one test has to do with the guards: the enforced one, the cooperative one, or both."""

    def __init__(self, session: Session, node: pytest.Item, policy: Path | None, apart: bool = False) -> None:
        """`policy` is the one in force; `apart`: for fixtures that outlast a test, with a cloud of their
        own."""
        self._session, self._node, self._policy, self._apart = session, node, policy, apart
        self._found: Guarded | None = None
        self._guard: Guard | None = None
        self._ear = Ear()
        self._flows = ValveFlows(self._asked)
        self._canary: Canary | None = None
        self._shown: dict[Ear, int] = {}
        self._invoked: set[str] = set()
        self._asks = _names(node)

    # What the fixtures give

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
        if "_valve_session_run" in self._asks:
            why = "`valve_canary` looks at what one test lets out: ask for fixtures that last as long as it"
            pytest.fail(why, pytrace=False)
        if LOOKING not in self._asks:
            why = "`valve_canary` is to be there before functions are: ask for it in the test's own arguments"
            pytest.fail(why, pytrace=False)
        if self._canary is None:
            inside = "valve_guard" in self._asks and not STACK_FIXTURES & self._asks
            cloud = InProcess(self._stack) if inside else self.cloud()
            self._canary = Canary(self._lookout, cloud, self._asked)
            if "valve_guard" in self._asks:
                self._canary.expose()
            if not inside:
                self._canary.plant()
                self.valve.passage.lookout = self._lookout
        return self._canary

    @cached_property
    def _lookout(self) -> Lookout:
        return Lookout(self._session.flock)

    def _stack(self) -> Stack:
        assert self._guard is not None, "`valve_guard` is there before a test that asks for it begins"
        return self._guard.stack

    def flows(self) -> ValveFlows:
        """See the fixture `valve_flows`."""
        if "valve_guard" not in self._asks or STACK_FIXTURES & self._asks:
            told(lambda: self.valve)
        return self._flows

    def guard(self) -> Guard:
        """See the fixture `valve_guard`."""
        from valve_aws.cooperative import guarding

        config, also = self._session.config, STACK_FIXTURES & self._asks or self._found
        # Why: what the stack was seeded with, and what others write there, is not in this guard's own book.
        backend = self.cloud().url if also else SHARED if OUTLASTING & self._asks else "moto"
        self._guard = told(
            lambda: guarding.guard(
                self._policy,
                template_of(self._node, config),
                mode_of(self._node, config),
                project=project_of(config),
                backend=backend,
                say=self._ear.say,
            )
        )
        self._guard.lookout = self._lookout if LOOKING in self._asks else None
        return self._guard

    # The enforced guard

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
                LOOKING in self._asks,
                self._apart,
            )
            self._found = self._session.guarded(wanted)
        return self._found

    def _function(self, named: str) -> Function:
        __tracebackhide__ = True
        logical = told(lambda: self.valve.choose(named, ""))
        told(lambda: self.valve.prepare(logical))
        return Function(logical, self._invoke, self._asked(), self._guarded.ear.logs)

    def _invoke(self, function: str, payload: bytes, source: str) -> tuple[bytes, bool, str, list[Record]]:
        __tracebackhide__ = True
        valve, loop, before = self.valve, self._session.loop, self.valve.ledger.mark()
        told(lambda: valve.choose(function, source))
        self._invoked.add(function)
        loop.call(valve.rested())  # Why: one that is nearly ready is there sooner than another beside it
        done = loop.call(valve.invoke(function, payload, source))
        loop.call(valve.drain())
        self._show(self._guarded.ear)
        records = [
            record
            for record in valve.ledger.since(before)
            if record.function == function and done.invocation in {record.invocation, ""}
        ]
        return done.payload, done.failed, done.invocation, records

    # What there is to tell

    def _asked(self) -> Flows:
        """Return what can be asked by now; what was woken comes to its end first."""
        records: list[Record] = []
        stack, policy, ledgers = Stack("", "", "", {}, {}), FlowPolicy(), []
        if self._guard is not None:
            stack, policy = self._guard.stack, self._guard.policy
            records += self._guard.records
            ledgers.append(self._guard.ledger)
        inside = not all(map(own, records))
        if self._found is not None:
            valve = self._found.valve
            self._session.loop.call(valve.drain())
            stack, policy = valve.stack, valve.policy
            records = [*valve.records, *records]
            ledgers.append(valve.ledger)
        return Flows(
            records,
            stack,
            policy,
            str(self._session.config.rootpath),
            self._found.ear.free if self._found else (),
            [ledger.learned for ledger in ledgers],
            sum(ledger.dropped for ledger in ledgers),
            inside,
        )

    def _show(self, ear: Ear) -> None:
        """Give the test's report what an operator would have seen since the last time."""
        said = ear.said
        if fresh := said[self._shown.get(ear, 0) :]:
            text = "\n".join(fresh).replace(f"{self._session.config.rootpath}/", "")
            self._node.add_report_section("call", "valve", text)
        self._shown[ear] = len(said)

    def close(self) -> None:
        """Count what was seen, end the guard's run, and fail the test for what nobody expected."""
        if self._found is None and self._guard is None:
            return
        try:
            flows = self._asked()
            self._show(self._ear)
            refusals = [*(self._found.valve.refusals if self._found else ())]
            refusals += self._guard.refusals if self._guard else ()
            unexpected = self._flows.unexpected([record for record in refusals if not own(record)])
            self._session.summary.add(self._node, flows, self._flows, self._guard is not None)
            wrong = self._refused(unexpected, flows) + (self._canary.close() if self._canary else [])
            if self._session.lock:
                self._session.lock.add(flows.stack, flows.policy, flows.records, flows.dropped)
        finally:
            if self._found is not None:
                again = not self._apart and coming.more(self._node)
                self._session.done(self._found, self._invoked, again)
        if wrong:
            pytest.fail("\n\n".join(wrong), pytrace=False)

    def _refused(self, unexpected: Sequence[Record], flows: Flows) -> list[str]:
        if not unexpected:
            return []
        number = counted(len(unexpected), "refusal")
        speaks = "that no assertion of this test speaks of (`valve_flows.assert_refused(…)`):"
        return [f"{number} {speaks}", flows.told(unexpected)]


def told(act: Callable[[], T]) -> T:
    """Do something; a mistake of the user's ends the test with its one line."""
    __tracebackhide__ = True
    try:
        return act()
    except (Invalid, NotStarted) as mistake:
        problem = f"valve: {mistake}"
    return pytest.fail(problem, pytrace=False)


def for_session(session: Session, request: pytest.FixtureRequest) -> Run:
    """Return the run of the fixtures that outlast a test: for the application of the first test that asks for
    one of them. Fails where others that ask are of another."""
    items, config = request.session.items, request.config
    asks = [item for item in items if "_valve_session_run" in _names(item)]
    found = told(lambda: {application_of(item, config): item.nodeid for item in reversed(asks)})
    if len(found) > 1:
        named = " and ".join(f"`{ident}`" for ident in list(found.values())[:-3:-1])
        why = f"{named} have another template, policy or mode, and fixtures of the session are of one alone"
        pytest.fail(why, pytrace=False)
    node = asks[0] if asks else items[0]  # Why else the first: it may be asked for by name, later
    return Run(session, node, told(lambda: policy_of(node, config)), apart=True)


def _names(item: pytest.Item) -> frozenset[str]:
    return frozenset(getattr(item, "fixturenames", ()))
