"""Assertions about where data went, as sentences.

Knows which answer passes a test. Does not know what counts as a flow; `report.flows` does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NoReturn, TypeVar

import pytest

from valve_aws.model.record import Record
from valve_aws.model.safe import lines
from valve_aws.model.source import Invalid
from valve_aws.report.flows import LOGS, WAYS_OUT, Flows, Place, is_call
from valve_aws.report.refusal import NEVER_SENT

LOG = WAYS_OUT[LOGS]


class ValveFlows:
    """Where data went in this test. What was tried counts, whether or not it was stopped."""

    def __init__(self, asked: Callable[[], Flows]) -> None:
        """`asked` gives what can be asked by now, when all that was woken has come to its end."""
        self._asked = asked
        self._expected: set[str] = set()
        self.forbidden: list[Record] = []
        """What an assertion has failed for."""

    @property
    def records(self) -> Sequence[Record]:
        """Return every decision of this test so far."""
        return self._asked().records

    def assert_no_flow(self, tag: str, *, to: str, vacuous_ok: bool = False) -> None:
        """Fail if anything with this tag went there, or tried to.

        `to` is a logical id, a physical name, an ARN, a host, `results` or `logs`. Where nothing carried the
        tag in this test, nothing was shown: that fails too, unless `vacuous_ok`.
        """
        __tracebackhide__ = True
        flows, place = self._read(tag, to)
        found = flows.reached(tag, place)
        if found:
            self._expect(found)
            self.forbidden += found
            _fail(f"`{tag}` was not to flow to `{to}`: {_counted(found)}", flows.told(found, tag))
        if place.way == LOG and (lines := flows.logged(tag)):
            _fail(f"`{tag}` was not to flow to `{to}`: it did, {_times(len(lines))}", flows.lined(lines))
        if flows.brought(tag, place.function):
            _fail(f"`{tag}` was not to flow to `{to}`: it did", "by the answer of a function that it invoked")
        self._whole(flows, to)
        if not vacuous_ok and flows.inside and (place.beyond or place.way == LOG):
            _fail(
                f"handlers of this process were guarded, and what of theirs goes to `{to}` is not seen",
                "run the function with `valve_lambda`, or say `vacuous_ok=True`",
            )
        if not vacuous_ok and not flows.carried(tag):
            _fail(
                f"nothing carried `{tag}` in this test, so nothing was shown about `{to}`",
                "put labelled data into the stack and have a function read it, or say `vacuous_ok=True`",
            )

    def assert_flow(self, tag: str, *, to: str) -> None:
        """Fail unless something with this tag went there, or tried to."""
        __tracebackhide__ = True
        flows, place = self._read(tag, to)
        logged = place.way == LOG and flows.logged(tag)
        if not flows.reached(tag, place) and not logged and not flows.brought(tag, place.function):
            elsewhere = flows.reached(tag)
            told = flows.told(elsewhere, tag) if elsewhere else f"nothing carried `{tag}` anywhere"
            _fail(f"`{tag}` was to flow to `{to}`, and did not", told)

    def assert_only_calls(self, function: str, calls: Collection[str]) -> None:
        """Fail if a function asked for anything else, or was not run.

        `calls` has `service:Operation`, or that with a target behind a space (`sqs:SendMessage Jobs`), and
        hosts.
        """
        __tracebackhide__ = True
        flows = self._asked()
        logical = _understood(lambda: flows.function(function))
        strangers = _understood(lambda: flows.strangers(logical, calls))
        if strangers:
            _fail(f"`{function}` made calls that are not among those allowed", flows.listed(strangers))
        self._whole(flows, function)
        if not any(record.function == logical for record in flows.records):
            _fail(f"`{function}` was not run in this test, so nothing was shown", "invoke it first")

    def assert_refused(
        self,
        function: str = "",
        call: str = "",
        *,
        to: str | None = None,
        tag: str = "",
        rule: str = "",
        times: int | None = None,
    ) -> None:
        """Fail unless something that fits was refused; what fits is expected from now on.

        With it are expected the log lines and the result of the same invocation that were refused after it.
        """
        __tracebackhide__ = True
        flows = self._asked()
        logical = _understood(lambda: flows.function(function)) if function else ""
        place = _understood(lambda: flows.place(to)) if to is not None else None
        fitting = flows.refusals(logical, call, place, tag, rule)
        held = [record for record in fitting if record.stopped]
        self._expect(held)
        if not held:
            _fail("nothing that fits was refused", _instead(flows, fitting))
        if times is not None:
            self._whole(flows, call or function)
        if times is not None and len(held) != times:
            _fail(f"it was refused {_times(len(held))}, not {_times(times)}", flows.told(held, tag))

    def unexpected(self, refusals: Sequence[Record]) -> list[Record]:
        """Return the refusals that no assertion has spoken of."""
        return [record for record in refusals if record.ident not in self._expected]

    def _expect(self, records: Sequence[Record]) -> None:
        """Take note of what was spoken of, and of what the same invocations were refused on their way out."""
        idents = {record.ident for record in records}
        begun: set[tuple[str, str]] = set()
        for record in self._asked().records:
            # Why with the environment: what an init does is of no invocation.
            invocation = record.environment, record.invocation
            if record.ident in idents:
                begun.add(invocation)
            elif invocation in begun and record.operation in NEVER_SENT:
                idents.add(record.ident)
        self._expected |= idents

    @staticmethod
    def _whole(flows: Flows, what: str) -> None:
        """Fail where not every record is there any more: what is not found may have been in another."""
        __tracebackhide__ = True
        if flows.dropped:
            _fail(
                f"{flows.dropped} of this test's decisions are not kept any more, so nothing was shown "
                f"about `{what}`",
                "have one test do less: some 20,000 decisions are kept",
            )

    def _read(self, tag: str, to: str) -> tuple[Flows, Place]:
        __tracebackhide__ = True
        flows = self._asked()
        _understood(lambda: flows.tag(tag))
        return flows, _understood(lambda: flows.place(to))


T = TypeVar("T")


def _understood(ask: Callable[[], T]) -> T:
    """Answer, or end the test with the one line that says which name there is not."""
    __tracebackhide__ = True
    try:
        return ask()
    except Invalid as mistake:
        raise pytest.UsageError(str(mistake)) from None


def _fail(what: str, told: str) -> NoReturn:
    __tracebackhide__ = True
    raise AssertionError(lines(f"{what}\n\n{told}"))


def _counted(records: Sequence[Record]) -> str:
    held, tried = sum(record.stopped for record in records), _times(len(records))
    if held == len(records):
        return f"it was tried {tried}, and stopped"
    return f"it did, {tried}" if not held else f"it did, {tried}, of which {_times(held)} it was stopped"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _instead(flows: Flows, fitting: Sequence[Record]) -> str:
    """Tell what there was instead of the refusal that was looked for."""
    if fitting:
        return "it would have been, in `enforce`:\n\n" + flows.told(fitting)
    others = [record for record in flows.records if record.stopped]
    if others:
        return "this was:\n\n" + flows.told(others)
    calls = [record for record in flows.records if is_call(record)]
    return "these calls passed:\n" + flows.listed(calls) if calls else "no call was made"
