"""What every test run keeps to: in CI a skipped test is a failed one, unless its line says why; and what
needs a LocalStack runs when it is asked for.

Knows skips and the list of allowed ones. Does not know any room.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests import garbage

garbage.seldom()

# Why: how long an example takes is the machine's doing; tests measure no time.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Why: a shell's background job has it ignored, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ALLOWED = Path(__file__).parent / "house" / "allowed_skips.txt"

collect_ignore = ["localstack"]
"""Why: LocalStack needs a newer Python than the rest and an installation of 500 MB. A folder that is named on
the command line is collected all the same."""

LONGEST = (
    "noninterference/test_sealed.py",
    "api/test_concurrency.py",
    "noninterference/test_tenants.py",
    "environments/test_clean.py",
    "kill/test_kill.py",
    "pytest_plugin/test_first_page.py",
    "hook/test_aio_apart.py",
    "stories/test_orders.py",
    "noninterference/test_traced.py",
    "noninterference/test_real.py",
)
"""Modules whose few tests last longest. They begin first: else one of them runs alone at the end."""

AnyReport = TypeVar("AnyReport", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what lasts longest first, in that order."""
    paths = {str(Path(__file__).parent / name): place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: paths.get(str(item.path), len(paths)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the whole suite leaves out, and how it is run."""
    if config.args == config.getini("testpaths"):
        terminalreporter.write_line(
            "tests/localstack was not part of this run: `make localstack`, then `pytest tests/localstack`"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _judged((yield))


def allowed_skips(text: str) -> dict[str, str]:
    """Test id -> reason, from lines `<test id>  <reason>`; `#` starts a comment, no reason is no line."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _judged(report: AnyReport) -> AnyReport:
    if os.environ.get("VALVE_CI") != "1" or not report.skipped or hasattr(report, "wasxfail"):
        return report
    allowed = allowed_skips(ALLOWED.read_text(encoding="utf-8")) if ALLOWED.exists() else {}
    if report.nodeid not in allowed:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"a suite that should run was skipped ({why}); to allow it: {ALLOWED}"
    return report
