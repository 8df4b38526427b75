"""The pages say what is so: their examples are run, their policies read, the tests that they name exist.

Knows Markdown's fences and the shape of our pages. Does not judge prose.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.house.source import ROOT
from valve_aws import policy, template, text
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack

README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`((?:tests|valve_aws|stacks)/[\w/.]+\.py)(?:::(\w+))?`")

CHANGING = (
    (re.compile(r"r-[0-9a-f]{12}"), "r-0"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"ready in [\d.]+ s"), "ready in 0 s"),
)
"""What differs from run to run."""


def blocks(page: str, kind: str) -> list[str]:
    """Return the fenced blocks of one kind."""
    return [body for named, body in FENCE.findall(page) if named == kind]


def steady(line: str) -> str:
    for pattern, instead in CHANGING:
        line = pattern.sub(instead, line)
    return line.rstrip()


def application(folder: Path) -> Path:
    """Write the files of the quick start, each a block behind its name."""
    part = README.split("## Quick start")[1].split("## ")[0]
    for name, body in re.findall(
        r"`([\w./]+)`[^`\n]*:\n\n```\w+\n(.*?)^```$", part, re.MULTILINE | re.DOTALL
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(body, encoding="utf-8")
    return folder


def valve(command: str, folder: Path) -> tuple[int, list[str]]:
    """Run one line of a console block in a shell that knows `valve`; both streams, in their order."""
    known = f'valve() {{ "{sys.executable}" -P -m valve_aws.cli "$@"; }}\n'
    done = subprocess.run(
        ["/bin/sh", "-c", known + command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, [steady(line) for line in done.stdout.splitlines()]


def found_in_order(shown: list[str], real: list[str]) -> str:
    """Return the first line that is shown and did not come; `…` stands for any lines, "" for all well."""
    at, skipping = 0, False
    for line in shown:
        if line == "…":
            skipping = True
            continue
        ahead = real[at:] if skipping else real[at : at + 1]
        if line not in ahead:
            return line
        at, skipping = at + ahead.index(line) + 1, False
    return "" if skipping or at == len(real) else f"nothing, and not: {real[at]}"


def test_the_quick_start_prints_what_the_readme_says(tmp_path: Path) -> None:
    folder = application(tmp_path)
    assert {p.name for p in folder.rglob("*.*")} >= {"template.yaml", "app.py", "seed.yaml"}
    codes = []
    for part in "".join(blocks(README, "console")).split("$ ")[1:]:
        command, *shown = part.splitlines()
        code, real = valve(command, folder)
        missing = found_in_order([steady(line) for line in shown], real)
        assert not missing, "\n".join([f"$ {command}", f"did not print: {missing}", *real])
        codes.append(code)
    assert codes == [0, 3, 0]


def test_what_is_not_printed_would_be_found() -> None:
    assert found_in_order(["a", "…", "c"], ["a", "b", "c"]) == ""
    assert found_in_order(["a", "c"], ["a", "b", "c"]) == "c"
    assert found_in_order(["…", "d"], ["a", "b"]) == "d"
    assert found_in_order(["a"], ["a", "b"]) == "nothing, and not: b"


def stack(folder: Path, written: str) -> Stack:
    """Return the stack of a page's template."""
    (folder / "template.yaml").write_text(written, encoding="utf-8")
    return template.read(
        folder / "template.yaml",
        parameters={},
        stack="app",
        account="123456789012",
        region="us-east-1",
        physical={},
        load=lambda path: text.parse(path.read_bytes(), path.name),
    )


def test_the_ten_lines_of_the_readme_are_a_policy(tmp_path: Path) -> None:
    ten, quick_start = blocks(README, "yaml")[-1], stack(tmp_path, blocks(README, "yaml")[0])
    assert len(ten.splitlines()) == 10
    read = policy.read(text.parse(ten.encode(), "valve.yaml"), quick_start, "valve.yaml")
    assert not [f for f in policy.dead(read, quick_start) if f.severity == "error"]


def test_every_policy_of_the_policy_page_is_read_and_every_mistake_is_told_as_it_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "POLICY.md").read_text(encoding="utf-8")
    (first, *rest), told = FENCE.findall(page), 0
    application = stack(tmp_path, first[1])
    for (kind, body), (after, mistake) in zip(rest, [*rest[1:], ("", "")], strict=True):
        if kind != "yaml":
            continue
        expected = mistake.strip() if after == "text" else ""
        try:
            policy.read(text.parse(body.encode(), "valve.yaml"), application, "valve.yaml")
            said = ""
        except Invalid as error:
            said = str(error)
        assert said == expected, body
        told += bool(said)
    assert told


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "stacks").glob("**/README.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_test_and_link_that_a_page_names_exists(page: Path) -> None:
    words = page.read_text(encoding="utf-8")
    missing = [
        f"{path}::{name}" if name else path
        for path, name in NAMED.findall(words)
        if not (ROOT / path).is_file() or (name and name not in functions_of(path))
    ]
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", words)
    assert not missing + [link for link in links if not (page.parent / link).exists()]


def test_every_promise_has_its_number_and_its_test() -> None:
    page = (ROOT / "docs" / "SPECIFICATION.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (S-\d+) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert [number for number, _, _ in rows] == [f"S-{n:02}" for n in range(1, len(rows) + 1)]
    assert not [number for number, _, tests in rows if not NAMED.search(tests)]


def test_every_class_of_attack_is_gone_into() -> None:
    page = (ROOT / "docs" / "THREATS.md").read_text(encoding="utf-8")
    last = {"A": 30, "B": 8, "C": 5, "D": 9, "E": 8, "F": 10}
    wanted = [f"{letter}{n:02}" for letter, until in last.items() for n in range(1, until + 1)]
    assert re.findall(r"^\| ([A-F]\d\d) \|", page, re.MULTILINE) == wanted
