"""What the code under test uses, held against `valve.lock` at the end of a session.

Knows sessions, their workers, and when a session was whole. Does not know what a use is nor the syntax.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os.path import normpath
from pathlib import Path
from typing import Any

import pytest

from valve_aws.model.call import Evidence
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack

NAME = "valve_aws_lock"

OUTPUT = "valve_aws_lock"
"""Under which a worker of pytest-xdist hands over what it has seen."""

NARROWING = ("lf", "ignore", "ignore_glob")
"""Options that leave tests out without deselecting them."""

TAKEN_IN = "take it in with `pytest --valve-lock=update`"


class Locks:
    """Everything that the code used in one session, for each template."""

    def __init__(self, config: pytest.Config, verb: str) -> None:
        self._config, self._verb = config, verb
        self._used: dict[Path, dict[Any, Any]] = {}
        self._partial = self._narrowed()
        self._lost = ""
        """Why what is new may not have been seen."""
        self._told: list[str] = []
        self._failed = False

    def _narrowed(self) -> str:
        """Return why this cannot be a whole session by what was asked for; "" when it can."""
        top, here = self._config.rootpath, self._config.invocation_params.dir
        named = {normpath(here / word) for word in self._config.args}
        usual = {normpath(top / word) for word in self._config.getini("testpaths")}
        if named not in ({str(top)}, usual):
            return "it was for the tests named"
        options = (name for name in NARROWING if self._config.getoption(name, None))
        return next((f"`--{name.replace('_', '-')}` left tests out" for name in options), "")

    def add(self, stack: Stack, policy: FlowPolicy, records: Iterable[Record], dropped: int = 0) -> None:
        """Take in what one test has seen; `dropped` records of it are not kept any more."""
        from valve_aws import application, lockfile

        if dropped:
            self._lost = self._partial = f"{dropped} decisions of a test are not kept any more"
        path = application.kept(Path(stack.file)) / lockfile.NAME
        self._join(path, lockfile.uses(records, lockfile.Names.of(stack, policy)))

    def _join(self, path: Path, used: dict[Any, Any]) -> None:
        known = self._used.setdefault(path, {})
        for use, seen in used.items():
            if use not in known or (seen.evidence.file and not known[use].evidence.file):
                known[use] = seen

    # Workers

    def told(self) -> dict[str, Any]:
        """Return everything as plain values."""
        rows = [
            [str(path), list(use), seen.record, seen.evidence.file, seen.evidence.line, seen.evidence.text]
            for path, used in self._used.items()
            for use, seen in used.items()
        ]
        return {"rows": rows, "partial": self._partial, "lost": self._lost}

    def take(self, told: dict[str, Any]) -> None:
        """Take over what a worker has seen."""
        from valve_aws.lockfile import Seen, Use

        for path, use, record, file, line, text in told["rows"]:
            self._join(Path(path), {Use(*use): Seen(record, Evidence(file, line, text))})
        self._partial, self._lost = self._partial or told["partial"], self._lost or told["lost"]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take over from a worker; from one that died nothing came."""
        output = getattr(node, "workeroutput", {})
        if OUTPUT in output:
            self.take(output[OUTPUT])
        else:
            self._partial = self._partial or "a worker ended early"

    # What makes a session less than whole

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Keep in mind that some tests do not run."""
        if items:
            self._partial = self._partial or "tests were deselected"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep in mind that a test did not come to its end."""
        if report.failed or (report.skipped and not hasattr(report, "wasxfail")):
            self._partial = self._partial or f"a test {'failed' if report.failed else 'was skipped'}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep in mind that the tests of a file did not even begin: it was skipped whole, or does not
        import."""
        if not report.passed:
            self._partial = self._partial or "a file of tests was skipped or does not import"

    # The end

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hold what was used against the files, or write it there; in a worker, hand it over."""
        if (output := getattr(self._config, "workeroutput", None)) is not None:
            output[OUTPUT] = self.told()
            return
        if exitstatus:
            self._partial = self._partial or "it did not pass"
        for path in sorted(self._used):
            try:
                self._settle(path)
            except Invalid as mistake:
                self._told.append(str(mistake))
                self._failed = True
        if self._failed and exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _settle(self, path: Path) -> None:
        from valve_aws import lockfile

        used, there = self._used[path], lockfile.load(path)
        lock, shown = there or lockfile.Lock(), self._shown(path)
        found = lockfile.compare(used, lock)
        gone = () if self._partial and self._verb != "rewrite" else found.gone
        told = lockfile.Difference(found.new, gone)
        text = lockfile.told(told, used, shown, self._remedy(there is not None))
        if text:
            self._told += text.splitlines()
        if self._verb == "check":
            self._failed = self._failed or bool(found.new or self._lost)
            if not text:
                self._told.append(f"{shown}: {self._lost or 'nothing new'}")
            return
        wrote = lockfile.save(path, lockfile.renewed(lock, used, keep=not gone))
        kept = len(found.gone) - len(gone)
        because = f"; {kept} that this session did not use stay: {self._partial}" if kept else ""
        self._told.append(f"{shown}: {'written' if wrote else 'nothing new'}{because}")

    def _remedy(self, there: bool) -> str:
        if self._verb != "check":
            return "read each line before it goes into git"
        return TAKEN_IN if there else "there is no lockfile yet: make it with `pytest --valve-lock=update`"

    def _shown(self, path: Path) -> str:
        top = self._config.rootpath
        return str(path.relative_to(top)) if path.is_relative_to(top) else str(path)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the section."""
        if getattr(self._config, "workeroutput", None) is not None:
            return
        terminalreporter.section("valve lock")
        for line in self._told or ["no function of a template ran, so nothing was held against a lockfile"]:
            colour = {"  +": {"red": True}, "  -": {"green": True}}.get(line[:3], {})
            terminalreporter.line(line, **colour)
