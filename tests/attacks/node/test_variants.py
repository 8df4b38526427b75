"""Classes of attacks with Node's own means: B01 to B03, D02 to D04, F01.

Knows what is tried and where it would arrive. Does not know how it is refused.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.attacks.walled import POLICY, machine
from tests.nodes import node
from valve_aws.settings import Settings
from valve_aws.valve import Valve

SOURCE = (Path(__file__).parent / "hostile.cjs").read_text()
NODE = node().name
FUNCTION = """
  {name}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: hostile.{handler}
      Runtime: {node}
      Timeout: 60
      MemorySize: 256
      Events: {{Api: {{Type: Api, Properties: {{Path: /{name}, Method: post}}}}}}
"""
SECRET = "alice-4711"


def names(table: str) -> list[str]:
    """Return the names of the entries of a table of the hostile code."""
    block = SOURCE.split(f"const {table} = {{\n")[1].split("\n};")[0]
    found = re.findall(r'^  (?:"([^"]+)"|(\w+))[:,]', block, re.MULTILINE)
    return [quoted or plain for quoted, plain in found]


WAYS, LEFT = names("ways"), names("leave")


Round = Mapping[str, Mapping[str, Any]]
"""Function → its event; they run at once."""


def laid(folder: Path, handler: str, functions: list[str]) -> Path:
    """Write the project and return its template."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "hostile.cjs").write_text(SOURCE)
    events = ", ".join(f"{name}.Api: {{label: [secret]}}" for name in functions)
    (folder / "valve.yaml").write_text(POLICY.replace("Hostile.Api: {label: [secret]}", events))
    template = folder / "template.yaml"
    each = (FUNCTION.format(name=name, handler=handler, node=NODE) for name in functions)
    template.write_text("Transform: AWS::Serverless-2016-10-31\nResources:" + "".join(each))
    return template


async def life(settings: Settings, rounds: list[Round]) -> None:
    """Run rounds one after the other. What brings a secret comes by the trigger whose events are labelled."""
    valve = Valve.read(settings, lambda _: None)
    await valve.open()
    try:
        for events in rounds:
            asked = [
                valve.invoke(name, json.dumps(event).encode(), f"{name}.Api" if event.get("secret") else "")
                for name, event in events.items()
            ]
            await asyncio.gather(*asked)
    finally:
        await valve.close()


def arrived(folder: Path, handler: str, mode: str, rounds: list[Round], reuse: str = "never") -> str:
    """Run them, with one machine for every host; return all that it was asked."""
    with machine() as (port, asked):
        everywhere = ("kept.test", "open.test", "attackers.test", "203.0.113.9")
        settings = Settings(
            template=laid(folder, handler, list(rounds[0])),
            mode=mode,
            audit=folder / "audit.jsonl",
            labels=folder / "labels.db",
            resolve={(name, 80): ("127.0.0.1", port) for name in everywhere},
            reuse=reuse,
        )
        asyncio.run(life(settings, rounds))
        return unquote("\n".join(asked))


def carried(host: str) -> list[Round]:
    """Return one event for each way, all at once."""
    return [{f"F{n}": {"way": way, "host": host, "secret": SECRET} for n, way in enumerate(WAYS)}]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What arrived: with the guard off, enforced, and enforced where the policy lets it go."""
    home = tmp_path_factory.mktemp("node")
    return {
        "off": arrived(home / "off", "handler", "off", carried("open.test")),
        "enforce": arrived(home / "enforce", "handler", "enforce", carried("open.test")),
        "undeclared": arrived(home / "undeclared", "handler", "enforce", carried("attackers.test")),
        "allowed": arrived(home / "allowed", "handler", "enforce", carried("kept.test")),
    }


@pytest.mark.parametrize("way", WAYS)
def test_what_an_event_brought_is_carried_nowhere(way: str, told: Mapping[str, str]) -> None:
    mark = f"{way}:{SECRET}"
    assert mark in told["off"], "it does not get out with the guard off, so nothing is shown"
    assert mark not in told["enforce"]
    assert mark not in told["undeclared"]
    assert mark in told["allowed"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What arrived when each function had had a labelled event, and then one without a label."""
    home = tmp_path_factory.mktemp("left")
    labelled = {f"F{n}": {"way": way, "secret": f"{way}:{SECRET}"} for n, way in enumerate(LEFT)}
    rounds: list[Round] = [labelled, {f"F{n}": {"way": way} for n, way in enumerate(LEFT)}]
    return {
        "off": arrived(home / "off", "residue", "off", rounds, "carry"),
        "enforce": arrived(home / "enforce", "residue", "enforce", rounds, "label"),
    }


@pytest.mark.parametrize("way", LEFT)
def test_what_one_event_left_is_not_found_by_one_of_another_label(way: str, found: Mapping[str, str]) -> None:
    assert f"{way}:{SECRET}" in found["off"], "nothing is found with the guard off, so nothing is shown"
    assert f"found by {way}" in found["enforce"]
    assert SECRET not in found["enforce"]
