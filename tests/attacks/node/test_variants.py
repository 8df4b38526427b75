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

from tests.attacks.walled import POLICY, TRIGGER, Ran, machine
from valve_aws.environments import host
from valve_aws.settings import Settings
from valve_aws.valve import Valve

SOURCE = (Path(__file__).parent / "hostile.cjs").read_text()
NODE = next(host.nodes()).name
TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Hostile:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: hostile.HANDLER
      Runtime: {NODE}
      Timeout: 60
      MemorySize: 256
      Events: {{Api: {{Type: Api, Properties: {{Path: /, Method: post}}}}}}
"""
SECRET = "alice-4711"


def names(table: str) -> list[str]:
    """Return the names of the entries of a table of the hostile code."""
    block = SOURCE.split(f"const {table} = {{\n")[1].split("\n};")[0]
    found = re.findall(r'^  (?:"([^"]+)"|(\w+))[:,]', block, re.MULTILINE)
    return [quoted or plain for quoted, plain in found]


WAYS, LEFT = names("ways"), names("leave")


def laid(folder: Path, handler: str) -> Path:
    """Write the project and return its template."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "hostile.cjs").write_text(SOURCE)
    (folder / "valve.yaml").write_text(POLICY)
    template = folder / "template.yaml"
    template.write_text(TEMPLATE.replace("HANDLER", handler))
    return template


async def life(settings: Settings, rounds: list[list[Mapping[str, Any]]]) -> list[Ran]:
    """Run events: those of one round at once, the rounds one after the other. What brings a secret comes by
    the trigger whose events are labelled."""
    valve = Valve.read(settings, lambda _: None)
    await valve.open()
    try:
        ended: list[Ran] = []
        for events in rounds:
            asked = [
                valve.invoke("Hostile", json.dumps(event).encode(), TRIGGER if event.get("secret") else "")
                for event in events
            ]
            ended += [Ran(each, tuple(valve.records), "") for each in await asyncio.gather(*asked)]
        return ended
    finally:
        await valve.close()


def arrived(folder: Path, handler: str, mode: str, rounds: list[Any], reuse: str = "never") -> str:
    """Run them, with one machine for every host; return all that it was asked."""
    with machine() as (port, asked):
        everywhere = ("kept.test", "open.test", "attackers.test", "203.0.113.9")
        settings = Settings(
            template=laid(folder, handler),
            mode=mode,
            audit=folder / "audit.jsonl",
            labels=folder / "labels.db",
            resolve={(name, 80): ("127.0.0.1", port) for name in everywhere},
            reuse=reuse,
        )
        asyncio.run(life(settings, rounds))
        return unquote("\n".join(asked))


def carried(host: str) -> list[list[Mapping[str, Any]]]:
    """Return one event for each way, all at once."""
    return [[{"way": way, "host": host, "secret": SECRET} for way in WAYS]]


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


@pytest.mark.parametrize("way", LEFT)
def test_what_one_event_left_is_not_found_by_one_of_another_label(way: str, tmp_path: Path) -> None:
    rounds = [[{"way": way, "secret": SECRET}], [{"way": way}]]
    assert SECRET in arrived(tmp_path / "off", "residue", "off", rounds, "carry")
    asked = arrived(tmp_path / "enforce", "residue", "enforce", rounds, "label")
    assert "found" in asked
    assert SECRET not in asked
