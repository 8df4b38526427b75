"""SARIF 2.1.0, the form in which code hosts and editors take findings.

Knows the form. Does not know how anything was found; what strangers may have written is made harmless here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from valve_aws.model.safe import plain
from valve_aws.model.source import NOWHERE, Where

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
"""SARIF 2.1.0, §3.13.3."""


@dataclass(frozen=True, slots=True)
class Result:
    """One finding. A level only where the kind is `fail` (SARIF 2.1.0, §3.27.9 and §3.27.10)."""

    rule: str
    text: str
    kind: str = "fail"
    level: str = "error"
    where: Where = NOWHERE


def sarif(
    tool: str,
    version: str,
    rules: Mapping[str, str],
    results: Iterable[Result],
    notes: Iterable[str] = (),
    whole: bool = True,
) -> str:
    """Return a log of one run. `rules` has a sentence for each rule that a result names; `notes` say what
    could not be looked at, `whole` that the run came to its end."""
    numbers = {rule: number for number, rule in enumerate(rules)}
    described = [{"id": rule, "shortDescription": {"text": words}} for rule, words in rules.items()]
    told = [{"level": "note", "message": {"text": plain(each)}} for each in notes]
    run = {
        "tool": {"driver": {"name": tool, "version": version, "rules": described}},
        "invocations": [{"executionSuccessful": whole, "toolExecutionNotifications": told}],
        "results": [_row(result, numbers) for result in results],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _row(result: Result, numbers: Mapping[str, int]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ruleId": result.rule,
        "ruleIndex": numbers[result.rule],
        "kind": result.kind,
        "level": result.level,
        "message": {"text": plain(result.text)},
    }
    where = result.where
    if where.file:
        region = {"startLine": max(where.line, 1), "startColumn": max(where.column, 1)}
        place = {"artifactLocation": {"uri": where.file.replace("\\", "/")}, "region": region}
        row["locations"] = [{"physicalLocation": place}]
    return row
