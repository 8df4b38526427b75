"""What all tests of a run came to, told at its end.

Knows counts and findings, and how they come from the workers of pytest-xdist. Does not know the tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import pytest

from valve_aws.model.plural import counted
from valve_aws.model.record import Record
from valve_aws.model.source import Where
from valve_aws.pytest_plugin.flows import ValveFlows
from valve_aws.pytest_plugin.host import on_github, written
from valve_aws.report.annotation import annotation
from valve_aws.report.flows import Flows, is_call, own
from valve_aws.report.refusal import headline
from valve_aws.report.sarif import Result, sarif
from valve_aws.report.words import tags

NAME = "valve_aws_summary"

SHOWN = 20
"""Lines of each kind at the end of a run; the rest are counted."""

RULES = {
    "refused": "a call, a result or a log line was refused, and no test speaks of it",
    "forbidden": "data went, or tried to go, where a test says that it does not",
    "expected": "it was refused, as a test says that it is",
}


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
        self._calls = self._tests = self._cooperative = 0
        self._passed: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._findings: list[dict[str, Any]] = []

    def add(self, node: pytest.Item, flows: Flows, spoken: ValveFlows, cooperative: bool) -> None:
        """Take in what one test has seen, and what its assertions have said of it; `cooperative`: with the
        guard that is no boundary."""
        calls = [record for record in flows.records if is_call(record)]
        held = [record for record in flows.records if record.stopped and not own(record)]
        unexpected = {record.ident for record in spoken.unexpected(held)}
        forbidden = {record.ident for record in spoken.forbidden}
        self._tests += 1
        self._cooperative += cooperative
        self._calls += len(calls)
        passed = [r for r in calls if r.writes and not r.stopped]
        self._passed.update(line(r, flows) for r in passed)
        self._refused.update(line(r, flows) for r in held)
        for record in (*held, *(r for r in passed if r.ident in forbidden)):
            rule = "refused" if record.ident in unexpected else "expected"
            rule = "forbidden" if record.ident in forbidden else rule
            self._findings.append(self._finding(record, rule, node.nodeid, flows))
        node.user_properties += [
            ("valve.calls", len(calls)),
            ("valve.refused", len(held)),
            ("valve.unexpected", len(unexpected)),
        ]

    def _finding(self, record: Record, rule: str, test: str, flows: Flows) -> dict[str, Any]:
        where = placed(record, flows.stack.folder, self._config.rootpath)
        reason = record.reasons[0].text if record.reasons else ""
        text = f"{line(record, flows)}: {reason} ({test})"
        return {"rule": rule, "text": text, "file": where.file, "line": where.line, "column": where.column}

    # Between processes

    def take(self, told: Mapping[str, Any]) -> None:
        """Take over what a worker has seen (`told`)."""
        self._tests += told["tests"]
        self._cooperative += told["cooperative"]
        self._calls += told["calls"]
        self._passed.update(told["passed"])
        self._refused.update(told["refused"])
        self._findings += told["findings"]

    def told(self) -> dict[str, Any]:
        """Return everything as plain values, as pytest-xdist carries them."""
        return {
            "tests": self._tests,
            "cooperative": self._cooperative,
            "calls": self._calls,
            "passed": dict(self._passed),
            "refused": dict(self._refused),
            "findings": self._findings,
        }

    # At the end

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """In a worker: hand over what was seen. Else write the file that was asked for."""
        if (output := getattr(self._config, "workeroutput", None)) is not None:
            output["valve_aws"] = self.told()
        elif file := self._config.getoption("--valve-sarif"):
            written(Path(self._config.invocation_params.dir) / file, self.sarif())

    def sarif(self) -> str:
        """Return what was refused as SARIF: what a test expects is no failure."""
        from valve_aws import __version__

        results = [
            Result(
                found["rule"],
                found["text"],
                "fail" if found["rule"] != "expected" else "pass",
                "error" if found["rule"] != "expected" else "none",
                Where(found["file"], found["line"], found["column"]),
            )
            for found in self._findings
        ]
        return sarif("valve-aws", __version__, RULES, results)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the section."""
        if not self._tests:
            return
        write = terminalreporter
        write.section("valve")
        write.line(
            f"{counted(self._tests, 'test')}, {counted(self._calls, 'call')}, "
            f"{counted(sum(self._passed.values()), 'flow')} with a label, "
            f"{counted(sum(self._refused.values()), 'refusal')}"
        )
        if self._cooperative:
            guarded = counted(self._cooperative, "test")
            write.line(f"  {guarded} with the cooperative guard, in process: no boundary")
        for mark, flows in (("→", self._passed), ("✗", self._refused)):
            for told, number in flows.most_common(SHOWN):
                write.line(f"  {mark} {told}" + (f"    {number} times" if number > 1 else ""))
            if len(flows) > SHOWN:
                write.line(f"  {mark} … and {len(flows) - SHOWN} more")
        if on_github():
            for found in self._findings:
                if found["rule"] != "expected":
                    where = Where(found["file"], found["line"], found["column"])
                    write.line(annotation(RULES[found["rule"]], found["text"], where))


def placed(record: Record, folder: PurePath, root: PurePath) -> Where:
    """Return where in the project a call was made, else the line of the policy that refused it; files from
    the root of the project on."""
    evidence = record.evidence
    reason = record.reasons[0].where if record.reasons else Where("")
    where = Where(str(folder / evidence.file), evidence.line) if evidence.file else reason
    path = PurePath(where.file)
    return Where(str(path.relative_to(root)) if path.is_relative_to(root) else "", where.line, where.column)


def line(record: Record, flows: Flows) -> str:
    """Return one flow as one line, harmless to show."""
    carried = record.writes or record.label.union(*(r.excess for r in record.reasons))
    who = f"{record.function} → {headline(record, flows.title)}"
    return f"{who}  {tags(carried)}" if carried else who
