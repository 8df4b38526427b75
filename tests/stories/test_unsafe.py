"""The mode without walls is named so, and still labels and refuses what goes where it was told to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from world import World

FUNCTION = """
import socket, urllib.request
def handler(event, context):
    print("seen", socket.gethostname())
    urllib.request.urlopen("http://elsewhere.example/data", data=b"x", timeout=5)
"""
TEMPLATE = """
Resources:
  Send:
    Type: AWS::Serverless::Function
    Properties: {Handler: index.handler, Runtime: python3.11, Timeout: 10, InlineCode: %s}
"""


def test_without_walls_the_guard_says_so_and_refuses_what_comes_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it made for the function beside the project is gone afterwards."""
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    (tmp_path / "template.yaml").write_text(TEMPLATE % json.dumps(FUNCTION))
    (tmp_path / "valve.yaml").write_text("version: 1\n")
    ran = World(tmp_path).invoke("Send", "--unsafe-cooperative")
    assert ran.code == 3
    assert "UNSAFE" in ran.err.splitlines()[0]
    assert "REFUSED" in ran.err
    assert "http://elsewhere.example/data" in ran.err
    assert "HTTPError" in ran.result["errorType"]
    assert list(scratch.iterdir()) == []


def test_functions_of_a_template_reach_the_cloud_without_walls_too(
    stage: Callable[[str], World], cloud: str
) -> None:
    journey = stage("journey")
    journey.backend = cloud
    ran = journey.invoke("Lookup", "-e", "events/whole.json", "--seed", "seed.yaml", "--unsafe-cooperative")
    assert (ran.code, ran.result) == (0, {"sent": ["email", "id", "total"]})
    assert {r["eventName"] for r in journey.records()} >= {"GetItem", "SendMessage", "PutObject"}
