"""An event that a function may not see: none of its code runs for it, and who sent it is told no more than
that.

Knows one function, run by the real valve. Does not know how an event is judged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from valve_aws.model.label import Label
from valve_aws.model.verdict import Holding
from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Blind: {Type: AWS::Serverless::Function, Properties: {
    Runtime: python3.11, CodeUri: src, Handler: app.handler}}
"""
POLICY = """
version: 1
labels: {pii: {}}
functions: {Blind: {clearance: []}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""
CODE = """
def handler(event, context):
    print("Blind has seen", event)
    return event
"""


@pytest.mark.parametrize("label", [frozenset({"pii"}), frozenset()], ids=["labelled", "clean"])
def test_an_event_beyond_the_clearance_is_not_seen_by_the_function(
    laid: Callable[[dict[str, str]], Path], label: Label
) -> None:
    files = {"template.yaml": TEMPLATE, "valve.yaml": POLICY, "src/app.py": CODE}
    said: list[str] = []
    valve = Valve.read(Settings(template=laid(files)), said.append)

    async def runs() -> bytes:
        await valve.open()
        try:
            return (await valve.invoke("Blind", b'"theirs"', carried=Holding(label))).payload
        finally:
            await valve.close()

    answer = json.loads(asyncio.run(runs()))
    assert any("Blind has seen" in line for line in said) is (not label)
    assert answer["errorType"] == "Valve.EventRefused" if label else answer == "theirs"
