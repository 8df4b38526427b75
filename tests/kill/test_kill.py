"""The valve killed at every step that leaves it: book, records and the cloud agree afterwards (ADR 2)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import scenario

from valve_aws.audit import read_records
from valve_aws.model.cell import Extent, one
from valve_aws.model.ports import Outcome

BUCKET, QUEUE = "arn:aws:s3:::files", "arn:aws:sqs:us-east-1:123456789012:jobs"


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("upstream.py"))], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.kill()
    process.communicate()


def ask(url: str, path: str, data: bytes | None = None) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url + path, data=data), timeout=10) as answer:
        return json.loads(answer.read() or b"{}")


def disagreements(folder: Path, url: str) -> list[str]:
    """Return what does not agree after a kill, as sentences."""
    state = ask(url, "/_state")
    records = list(read_records(folder / "audit.jsonl")) if (folder / "audit.jsonl").exists() else []
    allowed = [r for r in records if r.verdict == "allow"]
    book = scenario.book(folder, url)
    wrong = []
    for path, content in state["objects"].items():
        key = one(BUCKET, path.removeprefix("/files/"))
        if content == "secret" and "pii" not in book.held([key])[key].label:
            wrong.append(f"{path} holds the secret, and the book does not say so")
    everything = Extent(QUEUE)
    if state["messages"] and "pii" not in book.held([everything])[everything].label:
        wrong.append("a message holds the secret, and the book does not say so")
    for operation in {asked for asked, _ in state["asked"]}:
        sent = sum(1 for asked, _ in state["asked"] if asked == operation)
        if sent > sum(1 for r in allowed if r.operation == operation):
            wrong.append(f"{operation} was done and has no record")
    known = {r.ident for r in records}
    for name in ("new", "clean"):
        for way in book.held([one(BUCKET, name)])[one(BUCKET, name)].ways:
            if way.record and way.record not in known:
                wrong.append(f"the book names {way.record}, which no record has")
    wrong += [
        f"{r.ident} is settled as done and was not"
        for r in records
        if r.verdict == "settled"
        and r.outcome == "done"
        and r.operation not in {asked for asked, _ in state["asked"]}
    ]
    wrong += recovered(book, folder, url)
    book.close()
    return wrong


def recovered(book: Any, folder: Path, url: str) -> list[str]:
    """Do what the next valve does first: what was open is of unknown outcome; nothing is lowered by that."""
    before = {name: book.held([one(BUCKET, name)])[one(BUCKET, name)].label for name in ("new", "clean")}
    for record, _ in book.open():
        book.settle(record, Outcome.UNKNOWN)
    after = {name: book.held([one(BUCKET, name)])[one(BUCKET, name)].label for name in ("new", "clean")}
    wrong = [] if before == after else ["settling what was open as unknown moved a label"]
    return [*wrong, *(f"{record} is still open" for record, _ in book.open())]


def fresh(tmp_path: Path, url: str) -> Path:
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    (tmp_path / "run").mkdir()
    ask(url, "/_reset", b"")
    return tmp_path / "run"


@pytest.mark.slow
def test_killed_at_any_step_book_records_and_cloud_agree(tmp_path: Path, cloud: str) -> None:
    folder = fresh(tmp_path, cloud)
    steps = scenario.play(folder, cloud, at=0)
    assert steps > 50, "the doors were not found"
    assert ask(cloud, "/_state")["objects"] == {"/files/clean": "secret"}
    assert disagreements(folder, cloud) == []
    for at in range(1, steps + 1):
        folder = fresh(tmp_path, cloud)
        scenario.play(folder, cloud, at)
        assert disagreements(folder, cloud) == [], f"killed at step {at} of {steps}"


@pytest.mark.slow
def test_the_check_finds_a_valve_that_sends_before_the_book_knows(tmp_path: Path, cloud: str) -> None:
    folder = fresh(tmp_path, cloud)
    steps = scenario.play(folder, cloud, at=0, late=True)
    for at in range(1, steps + 1, 7):
        folder = fresh(tmp_path, cloud)
        scenario.play(folder, cloud, at, late=True)
        if disagreements(folder, cloud):
            return
    pytest.fail("the mutant was not found")
