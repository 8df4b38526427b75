"""What is the guard's own does not show to a function whose code folder holds it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from world import World

FUNCTION = """
import os
def handler(event, context):
    found = {}
    for folder, _, names in os.walk("/var/task"):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, "/var/task")] = open(path, errors="replace").read()
    return found
"""
TEMPLATE = """
Resources:
  Look:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ./, Handler: app.handler, Runtime: python3.11, Timeout: 10}
  Files: {Type: AWS::S3::Bucket}
"""


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_policy_seed_records_and_labels_in_the_code_folder_are_covered(tmp_path: Path, mode: int) -> None:
    """Also where only its owner may read the folder: root's functions then see a copy of it."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "app.py").write_text(FUNCTION)
    (tmp_path / "valve.yaml").write_text("version: 1\nlabels: {hidden: {}}\n")
    (tmp_path / "seed.yaml").write_text("Files: {a.txt: hidden-seed}\n")
    tmp_path.chmod(mode)
    world = World(tmp_path)
    here = ("--audit", "here.jsonl", "--labels", "here.db")
    for words in ((), here, here):
        ran = world.invoke("Look", *words)
        assert ran.code == 0, ran.err
        shown = ran.result
        assert shown["app.py"] == FUNCTION
        assert "hidden" not in json.dumps({k: v for k, v in shown.items() if k != "app.py"})
        assert not any(name.startswith(".valve") for name in shown)
        assert (tmp_path / ".valve" / "audit.jsonl").is_file()
        assert not any(content for name, content in shown.items() if name.startswith("here."))


def test_records_and_labels_within_a_folder_that_is_covered_are_covered_with_it(tmp_path: Path) -> None:
    """`valve up` keeps its book there: where it did, no function with such a code folder started."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "app.py").write_text(FUNCTION)
    tmp_path.chmod(0o755)  # what the function sees is the folder itself, no copy
    world = World(tmp_path)
    for _ in ("made", "there already"):
        ran = world.invoke("Look", "--audit", ".valve/up/here.jsonl", "--labels", ".valve/up/here.db")
        assert ran.code == 0, ran.err
        assert not any(name.startswith(".valve") for name in ran.result)
    assert (tmp_path / ".valve/up/here.db").is_file()
