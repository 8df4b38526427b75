"""What the Lambda API asks of a valve: who is invoked, what is kept of logs, what is said of what cannot be.

Knows the joint from the API's side. Runs no function.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.api.conftest import TEMPLATE, Town
from valve_aws.answering.controlling import TAIL, Tails
from valve_aws.model.source import Invalid, Where
from valve_aws.settings import Settings
from valve_aws.valve import Valve


def test_of_a_log_no_more_is_kept_than_is_told() -> None:
    tails = Tails()
    who: Any = SimpleNamespace(invocation="i")
    tails.begin("i")
    for number in range(5_000):
        tails.take(who, f"line {number}")
    assert sum(map(len, tails._kept["i"])) < TAIL + 100
    log = tails.end("i")
    assert (len(log), log.endswith(b"line 4999\n")) == (TAIL, True)
    tails.take(who, "too late")
    assert (tails.end("i"), tails._kept) == (b"", {})


def test_an_event_that_waits_is_served_by_what_its_function_is_by_then(
    client: Any, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[Any] = []
    monkeypatch.setattr(town.valve._invoking, "behind", lambda function, *_: left.append(function))
    version = client.publish_version(FunctionName="echo")["Version"]
    for name in ("echo", f"echo:{version}"):
        client.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    client.delete_function(FunctionName="echo", Qualifier=version)
    latest, published = left
    assert (latest, published.version) == ("Echo", version)


def test_what_cannot_be_made_ready_is_told_to_the_operator_and_as_failed(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot(*_: Any) -> str:
        raise Invalid(Where("t.yaml", 3), "its code is gone", "build it")

    for name in ("prepare", "provide"):
        monkeypatch.setattr(town.valve._housing, name, cannot)
    engine, function, before = town.api.desk.engine, town.valve.stack.functions["Echo"], len(town.lines)
    assert town.loop.wait(engine.prepare(function)) == "t.yaml:3: its code is gone; build it"
    assert town.loop.wait(engine.provide(function, 1)) == "FUNCTION_ERROR_INIT_FAILURE"
    assert town.lines[before:] == ["valve: t.yaml:3: its code is gone; build it"] * 2


def test_functions_that_are_not_served_go_on_as_they_are(tmp_path: Path) -> None:
    other = TEMPLATE.replace("Echo:", "Other:").replace("FunctionName: echo", "FunctionName: other")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("")
    (tmp_path / "template.yaml").write_text(TEMPLATE + other.partition("Resources:\n")[2])

    async def run() -> set[str]:
        valve = Valve.read(Settings(template=tmp_path / "template.yaml"), lambda _: None)
        await valve.open()
        try:
            api = valve.lambda_api(["Echo"])
            del api.desk.registry.functions["echo"]
            await api.desk.changed()
            return set(valve.stack.functions)
        finally:
            await valve.close()

    assert asyncio.run(run()) == {"Other"}
