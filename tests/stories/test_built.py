"""A project between two runs of `sam build`, which makes `.aws-sam/build` anew: what is the user's stays.

Knows the folders that SAM's command makes. Does not run it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.stories.world import World

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: app.handler, CodeUri: %s}
"""
CODE = "def handler(event, context): return 'hello'\n"


def build(folder: Path) -> Path:
    """Leave what `sam build` leaves, and nothing of what was there."""
    made = folder / ".aws-sam" / "build"
    shutil.rmtree(made, ignore_errors=True)
    (made / "Hello").mkdir(parents=True)
    (made / "Hello" / "app.py").write_text(CODE)
    (made / "template.yaml").write_text(TEMPLATE % "Hello")
    return made


@pytest.fixture
def built(tmp_path: Path) -> World:
    (tmp_path / "template.yaml").write_text(TEMPLATE % "src")
    build(tmp_path)
    return World(tmp_path)


def test_a_policy_that_is_proposed_lies_where_no_build_removes_it(built: World) -> None:
    written = built.valve("init", "--write")
    assert written.code == 0, written.err
    assert (built.folder / "valve.yaml").is_file()
    again = built.valve("init", "--write")
    assert (again.code, "there is a policy already" in again.err) == (2, True)
    build(built.folder)
    assert built.valve("check").code == 0


def test_what_was_recorded_is_still_there_after_the_next_build(built: World) -> None:
    assert built.invoke("Hello").result == "hello"
    before = built.records()
    assert before
    build(built.folder)
    assert built.records() == before
    told = built.valve("explain", before[0]["requestID"])
    assert told.code == 0, told.err


@pytest.mark.parametrize("name", ["valve.yaml", "seed.yaml"])
def test_what_the_next_build_would_remove_is_refused_and_the_project_s_own_counts(
    built: World, name: str
) -> None:
    content = {"valve.yaml": "version: 1\n", "seed.yaml": "{}\n"}[name]
    astray = built.folder / ".aws-sam" / "build" / name
    astray.write_text(content)
    refused = built.invoke("Hello")
    assert (refused.code, "`sam build` removes it; move it to" in refused.err) == (2, True), refused.err
    (built.folder / name).write_text(content)
    assert built.invoke("Hello").code == 0
