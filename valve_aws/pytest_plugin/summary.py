"""What all tests of a run came to, told at its end.

Knows counts and how they come from the workers of pytest-xdist. Does not know the tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from valve_aws.model.record import Record
from valve_aws.report.flows import Flows, is_call, stopped
from valve_aws.report.refusal import headline
from valve_aws.report.words import tags

NAME = "valve_aws_summary"

SHOWN = 20
"""Lines of each kind at the end of a run; the rest are counted."""


def summary_of(config: pytest.Config) -> Summary:
    """Return the summary of a session; made when the first test asks for something."""
    found = config.pluginmanager.get_plugin(NAME)
    if found is None:
        found = Summary(config)
        config.pluginmanager.register(found, NAME)
    assert isinstance(found, Summary)
    return found


class Summary:
    """Counts of one session, and a plugin of its own, so that nobody pays who has nothing to tell."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._calls = self._tests = 0
        self._passed: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def add(self, node: pytest.Item, flows: Flows, unexpected: Sequence[Record]) -> None:
        """Take in what one test has seen."""
        calls = [record for record in flows.records if is_call(record)]
        held = [record for record in flows.records if stopped(record)]
        self._tests += 1
        self._calls += len(calls)
        self._passed.update(line(r, flows) for r in calls if r.writes and not stopped(r))
        self._refused.update(line(r, flows) for r in held)
        node.user_properties += [
            ("valve.calls", len(calls)),
            ("valve.refused", len(held)),
            ("valve.unexpected", len(unexpected)),
        ]

    def take(self, told: Mapping[str, Any]) -> None:
        """Take over what a worker has seen (`told`)."""
        self._tests += told["tests"]
        self._calls += told["calls"]
        self._passed.update(told["passed"])
        self._refused.update(told["refused"])

    def told(self) -> dict[str, Any]:
        """Return everything as plain values, as pytest-xdist carries them."""
        return {
            "tests": self._tests,
            "calls": self._calls,
            "passed": dict(self._passed),
            "refused": dict(self._refused),
        }

    def pytest_sessionfinish(self) -> None:
        """In a worker: hand over what was seen."""
        if (output := getattr(self._config, "workeroutput", None)) is not None:
            output["valve_aws"] = self.told()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the section."""
        if not self._tests:
            return
        write = terminalreporter
        write.section("valve")
        write.line(
            f"{_number(self._tests, 'test')}, {_number(self._calls, 'call')}, "
            f"{_number(sum(self._passed.values()), 'flow')} with a label, "
            f"{_number(sum(self._refused.values()), 'refusal')}"
        )
        for mark, counted in (("→", self._passed), ("✗", self._refused)):
            for told, number in counted.most_common(SHOWN):
                write.line(f"  {mark} {told}" + (f"    {number} times" if number > 1 else ""))
            if len(counted) > SHOWN:
                write.line(f"  {mark} … and {len(counted) - SHOWN} more")


def line(record: Record, flows: Flows) -> str:
    """Return one flow as one line, harmless to show."""
    carried = record.writes or record.label.union(*(r.excess for r in record.reasons))
    who = f"{record.function} → {headline(record, flows.title)}"
    return f"{who}  {tags(carried)}" if carried else who


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
