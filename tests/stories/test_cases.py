"""Every stack's `cases.yaml`: event → result, verdicts, labels, by the real command on its own cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from world import STACKS, World

Stub = tuple[int, list[tuple[str, bytes]]]
CASES = [
    pytest.param(path.parent.name, case, id=f"{path.parent.name}-{case['invoke']}-{number}")
    for path in sorted(STACKS.glob("*/cases.yaml"))
    for number, case in enumerate(yaml.safe_load(path.read_text()))
]


def call(record: dict[str, Any]) -> str:
    return f"{record['valve']['service']}:{record['eventName']}"


@pytest.mark.parametrize(("stack", "case"), CASES)
def test_the_case_comes_out_as_written(
    stack: str, case: dict[str, Any], stage: Callable[[str], World], stub: Stub
) -> None:
    world = stage(stack)
    event = ["-e", case["event"]] if "event" in case else []
    ran = world.invoke(case["invoke"], *event, "--resolve", f"mail.partner.test=127.0.0.1:{stub[0]}")
    told = ran.result
    assert ran.code == case["code"], ran.err
    assert {k: told[k] for k in case["result"]} == case["result"], ran.err
    records = [r for r in world.records() if r["valve"]["verdict"] != "settled"]
    refused = [r for r in records if r["valve"]["verdict"] == "refuse"]
    seen = {(r["valve"]["function"], call(r), r["valve"]["reasons"][0]["rule"]) for r in refused}
    assert seen == {(r["function"], r["call"], r["rule"]) for r in case["refused"]}
    for wanted in case.get("allowed", ()):
        carried = [
            r["valve"].get("writes", [])
            for r in records
            if r["valve"]["verdict"] == "allow"
            and (r["valve"]["function"], call(r)) == (wanted["function"], wanted["call"])
        ]
        assert wanted["carries"] in carried, (wanted, carried)
