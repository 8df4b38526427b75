"""A report as text for people, as JSON, and as SARIF 2.1.0 for code hosts and editors.

Knows forms. Does not know how anything was found. Text of a template is never shown raw.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from valve_aws.attack.finding import Finding, Report, State
from valve_aws.model.safe import plain
from valve_aws.report.sarif import Result
from valve_aws.report.sarif import sarif as written

MARKS = {
    State.HELD: "✓",
    State.ALLOWED: "·",
    State.OUT: "✗",
    State.OVERDONE: "!",
    State.UNSHOWN: "?",
}

LEVELS = {
    State.HELD: ("pass", "none"),
    State.ALLOWED: ("informational", "none"),
    State.OUT: ("fail", "error"),
    State.OVERDONE: ("fail", "warning"),
    State.UNSHOWN: ("notApplicable", "none"),
}
"""State → kind and level (SARIF 2.1.0, §3.27.9 and §3.27.10: a level only where the kind is `fail`)."""


def text(report: Report, _: str) -> str:
    """Return the table: of each function what got out or may, and how much held."""
    lines = list(_table(report))
    lines += [f"  not tried: {plain(each)}" for each in report.unread]
    lines += [f"  this host cannot enforce {plain(each)}" for each in report.lacking]
    counts = report.counts
    told = [f"{counts[state]} {state}" for state in State if counts[state]]
    return "\n".join([*lines, "; ".join(told) or "nothing was tried"]) + "\n"


def _table(report: Report) -> Iterator[str]:
    for function, group in groupby(report.findings, key=lambda f: f.function):
        found = list(group)
        if not function:
            yield from (_row(f.state, f"{f.rule} {f.title}", f"{f.state}: {f.text}") for f in found)
            continue
        yield f"{plain(function)}, which learns {plain(_listed(f.source for f in found))}"
        yield from _passed(found)
        for rule, words in report.rules.items():
            for state in (State.HELD, State.UNSHOWN):
                number = sum(f.rule == rule and f.state is state for f in found)
                if number:
                    yield _row(state, words, f"{state}: {number}")


def _passed(found: Iterable[Finding]) -> Iterator[str]:
    """Tell once of what passed the same way with several sources."""
    alike: dict[tuple[State, str, str, str], list[str]] = {}
    for f in found:
        if f.state in {State.OUT, State.ALLOWED}:
            key = (f.state, f.title, f.text, str(f.where) if f.where.file else "")
            alike.setdefault(key, []).append(f.source)
    for (state, title, why, where), sources in alike.items():
        told = ": ".join(filter(None, [f"{state}, {where}" if where else str(state), why]))
        yield _row(state, title, f"{told} ({_listed(sources)})")


def _row(state: State, what: str, told: str) -> str:
    return f"  {MARKS[state]} {plain(what, 100):<52}  {plain(told, 400)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def as_json(report: Report, version: str) -> str:
    """Return everything: ``{"version", "counts", "findings", "lacking", "unread"}``."""
    told = {
        "version": version,
        "counts": {str(state): report.counts[state] for state in State},
        "findings": [_finding(f) for f in report.findings],
        "lacking": list(report.lacking),
        "unread": list(report.unread),
    }
    return json.dumps(told, indent=1) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    row = {
        "rule": finding.rule,
        "title": finding.title,
        "state": str(finding.state),
        "text": finding.text,
        "function": finding.function,
        "source": finding.source,
    }
    if finding.where.file:
        where = finding.where
        row["where"] = {"file": where.file, "line": where.line, "column": where.column}  # type: ignore[assignment]  # a place is the one row that is no text
    return {name: value for name, value in row.items() if value}


def sarif(report: Report, version: str) -> str:
    """Return a SARIF log of one run. A code host shows what failed; the rest is there to be counted."""
    notes = (*(f"this host cannot enforce {each}" for each in report.lacking), *report.unread)
    results = map(_result, report.findings)
    return written("valve attack", version, report.rules, results, notes, not report.broken)


def _result(finding: Finding) -> Result:
    kind, level = LEVELS[finding.state]
    who = f"{finding.function} with {finding.source}, " if finding.function else ""
    told = f"{who}{finding.title}: {finding.state}: {finding.text}"
    return Result(finding.rule, told, kind, level, finding.where)


FORMS: dict[str, Callable[[Report, str], str]] = {"text": text, "json": as_json, "sarif": sarif}
"""`--format` → how a report is written."""
