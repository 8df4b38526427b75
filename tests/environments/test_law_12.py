"""Law 12: a warm environment keeps its label, and serves an event only if that brings as much along.

Knows one small stack, run by the real valve, judge and walls. Does not know how a pool is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Keeper:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: src
      Timeout: 30
      Events: {Mail: *post, Card: *post, Both: *post, Wide: *post}
""".replace("{Mail: *post", "{Mail: &post {Type: Api, Properties: {Path: /m, Method: post}}")

POLICY = """
version: 1
labels: {pii: {}, card: {}}
events:
  Keeper.Mail: {label: [pii/email]}
  Keeper.Card: {label: [card]}
  Keeper.Both: {label: [pii/email, card]}
  Keeper.Wide: {label: [pii]}
functions: {Keeper: {clearance: [pii, card]}}
results: {accepts: [pii, card]}
"""

SOURCE = """
import os, subprocess
BORN, KEPT = os.urandom(8).hex(), []

def handler(event, context):
    KEPT.append(event.get("say"))
    if event.get("leave"):
        subprocess.Popen(["sleep", event["leave"]], start_new_session=True)
    return {"born": BORN, "kept": KEPT}
"""


@dataclass
class Told:
    """What the function said, and the label with which its result was judged."""

    born: str
    kept: list[Any]
    label: set[str]
    failed: bool


Invoke = Callable[..., Coroutine[Any, Any, Told]]


def play(folder: Path, reuse: str, life: Callable[[Invoke], Coroutine[Any, Any, None]], **more: str) -> None:
    """Open a valve on the stack and live with it."""
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text(more.pop("source", SOURCE))
    (folder / "template.yaml").write_text(more.pop("template", TEMPLATE))
    (folder / "valve.yaml").write_text(more.pop("policy", POLICY))
    told: list[str] = []
    seed = folder / "seed.yaml"
    settings = Settings(
        template=folder / "template.yaml", reuse=reuse, seed=seed if seed.is_file() else None
    )
    valve = Valve.read(settings, told.append)

    async def invoke(trigger: str = "", **event: Any) -> Told:
        named = f"Keeper.{trigger}" if trigger else ""
        done = await valve.invoke("Keeper", json.dumps(event).encode(), named)
        answer = {"born": "", "kept": [], **json.loads(done.payload)}
        return Told(answer["born"], answer["kept"], set(valve.records[-1].label), done.failed)

    async def whole() -> None:
        await valve.open()
        try:
            await life(invoke)
        finally:
            await valve.close()

    asyncio.run(whole())


def test_it_serves_the_next_event_only_if_that_brings_all_that_it_knows(tmp_path: Path) -> None:
    async def life(invoke: Invoke) -> None:
        clean = await invoke(say="a")
        mail = await invoke("Mail", say="b")
        assert mail.born != clean.born
        assert (mail.kept, mail.label) == (["b"], {"pii/email"})
        again = await invoke(say="c")
        assert (again.born, again.kept, again.label) == (clean.born, ["a", "c"], set())
        assert (await invoke("Mail", say="d")).kept == ["b", "d"]

    play(tmp_path, "label", life)


def test_whether_it_is_warm_tells_a_clean_event_nothing_of_labelled_ones(tmp_path: Path) -> None:
    """Twins: between two clean events some labelled ones, or none."""

    async def life(invoke: Invoke) -> None:
        seen = []
        for labelled in ((), ("Mail", "Card", "Wide")):
            await invoke(say="before")
            for trigger in labelled:
                await invoke(trigger)
            seen.append((await invoke(say="after")).kept[-2:])
        assert seen == [["before", "after"]] * 2

    play(tmp_path, "label", life)


def test_nothing_that_one_label_left_behind_is_seen_by_another(tmp_path: Path) -> None:
    """For every order of three events: what an event can see came with no more than it brings itself."""

    async def life(invoke: Invoke) -> None:
        brings = {"": set[str](), "Mail": {"pii/email"}, "Card": {"card"}}
        for trigger in ["Mail", "Card", "", "Card", "Mail", "", "", "Mail"]:
            told = await invoke(trigger, say=trigger)
            assert told.label == brings[trigger]
            assert all(brings[said] <= told.label for said in told.kept), (trigger, told)

    play(tmp_path, "label", life)


def test_never_means_a_clean_one_each_time(tmp_path: Path) -> None:
    async def life(invoke: Invoke) -> None:
        told = [await invoke("Mail", say=n) for n in range(3)]
        assert len({each.born for each in told}) == 3
        assert [each.kept for each in told] == [[0], [1], [2]]

    play(tmp_path, "never", life)


def test_carry_means_that_the_event_starts_with_the_label_that_is_there(tmp_path: Path) -> None:
    async def life(invoke: Invoke) -> None:
        told = [await invoke(trigger, say=trigger) for trigger in ("Mail", "", "Card", "")]
        assert len({each.born for each in told}) == 1
        assert [each.label for each in told] == [
            {"pii/email"},
            {"pii/email"},
            {"pii/email", "card"},
            {"pii/email", "card"},
        ]

    play(tmp_path, "carry", life)


def test_what_is_carried_over_is_judged_when_it_goes_out(tmp_path: Path) -> None:
    async def life(invoke: Invoke) -> None:
        assert not (await invoke()).failed
        assert (await invoke("Mail")).failed
        assert (await invoke()).failed, "the result of a clean event goes out with what the last one left"

    closed = POLICY.replace("results: {accepts: [pii, card]}", "results: {accepts: []}")
    play(tmp_path, "carry", life, policy=closed)


def test_an_environment_is_ended_whole(tmp_path: Path) -> None:
    """A child in a session of its own lives on while its environment is warm, and not a moment longer."""
    seconds = str(900_000 + uuid.uuid4().int % 90_000)

    async def warm(invoke: Invoke) -> None:
        await invoke(leave=seconds)
        async with asyncio.timeout(60):  # on a busy machine it is still about to be executed
            while not sleepers(seconds):
                await asyncio.sleep(0.005)

    play(tmp_path, "label", warm)
    assert not sleepers(seconds)


def test_never_ends_it_whole_while_the_run_goes_on(tmp_path: Path) -> None:
    seconds = str(900_000 + uuid.uuid4().int % 90_000)

    async def life(invoke: Invoke) -> None:
        await invoke("Mail", leave=seconds)
        async with asyncio.timeout(60):  # no event waits for the end of what served the last one
            while sleepers(seconds):
                await asyncio.sleep(0.005)
        await invoke()

    play(tmp_path, "never", life)


READS_AT_ITS_START = (
    """
import boto3, os
boto3.client("s3").get_object(Bucket=os.environ["VAULT"], Key="secret")
"""
    + SOURCE
)

WITH_A_VAULT = (
    TEMPLATE
    + """
      Policies: [{S3ReadPolicy: {BucketName: !Ref Vault}}]
      Environment: {Variables: {VAULT: !Ref Vault}}
  Vault: {Type: AWS::S3::Bucket}
"""
)


def test_what_init_has_read_joins_every_event_and_makes_no_environment_unfit(tmp_path: Path) -> None:
    async def life(invoke: Invoke) -> None:
        clean = await invoke(say="a")
        assert clean.label == {"card"}, "what its init has read is known to every event"
        again = await invoke(say="b")
        assert (again.born, again.kept) == (clean.born, ["a", "b"])
        mail = await invoke("Mail", say="c")
        assert mail.label == {"card", "pii/email"}
        after = await invoke(say="d")
        assert after.born != mail.born, "what an event has brought is no baseline"
        assert (after.kept, after.label) == (["a", "b", "d"], {"card"})

    (tmp_path / "seed.yaml").write_text('Vault: {"secret": "4111"}')
    policy = POLICY + "stores: {Vault: {holds: [card]}}\n"
    play(tmp_path, "label", life, policy=policy, template=WITH_A_VAULT, source=READS_AT_ITS_START)


def sleepers(seconds: str) -> list[str]:
    """Return the processes of this host that sleep so long."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == f"sleep\0{seconds}\0".encode():
                found.append(path.parent.name)
    return found


@pytest.mark.parametrize("reuse", ["label", "carry"])
def test_the_next_run_starts_clean(tmp_path: Path, reuse: str) -> None:
    born = []

    async def life(invoke: Invoke) -> None:
        told = await invoke("Mail" if not born else "")
        born.append(told.born)
        assert told.label == ({"pii/email"} if len(born) == 1 else set())

    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        play(tmp_path / name, reuse, life)
    assert len(set(born)) == 2
