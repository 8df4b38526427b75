"""How the command line treats people: mistakes in one line, exit codes as promised, help with examples.

Knows what a newcomer gets wrong. Does not know how anything is done.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.house.source import ROOT
from valve_aws.cli import valve as face

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: app.handler, CodeUri: src}
  Things: {Type: AWS::Serverless::SimpleTable}
"""
CODE = """\
def handler(event, context):
    if event.get("ask"):
        import boto3

        boto3.client(event["ask"]).list_buckets()
    return {"is": 1 / event.get("by", 1)}
"""
FILES = {
    "template.yaml": TEMPLATE,
    "src/app.py": CODE,
    "bad.json": '{"id": "c1",\n "x": }',
    "open.json": '{"id": "c1',
    "none.json": "",
    "tab.yaml": "Resources:\n\tGreet: {}\n",
    "stors.yaml": "version: 1\nstors: {}\n",
    "things.yaml": "version: 1\nlabels: {pii: {}}\nstores:\n  Thing: {holds: [pii]}\n",
    "seed-bad.yaml": "Nothing: [1]\n",
}
INVOKE = ("local", "invoke", "Greet")

MISTAKES = [
    (("local", "invoke", "Gret"), "template.yaml: the template has no function `Gret`; did you mean `Greet`"),
    ((*INVOKE, "-t", "nowhere.yaml"), "nowhere.yaml: there is no such template"),
    (
        (*INVOKE, "-t", "tab.yaml"),
        "tab.yaml:2:1: not YAML: a tab, where only spaces may stand; indent with spaces",
    ),
    ((*INVOKE, "-e", "bad.json"), "bad.json:2:7: `}` where a value was expected"),
    ((*INVOKE, "-e", "open.json"), "open.json:1:8: unterminated string"),
    ((*INVOKE, "-e", "none.json"), "none.json:1:1: there is nothing here; write `{}`"),
    ((*INVOKE, "-e", "nowhere.json"), "nowhere.json: it cannot be read"),
    ((*INVOKE, "--event-source", "Greet.Api"), "`Greet.Api` is no event of `Greet`; it has none"),
    ((*INVOKE, "--seed", "seed-bad.yaml"), "seed-bad.yaml:1:1: "),
    ((*INVOKE, "--backend", "moon"), "--backend: `moon` is no backend; say `moto`, `localstack` or a URL"),
    ((*INVOKE, "--resolve", "x"), "--resolve: `x` is not `HOST[:PORT]=ADDRESS:PORT`"),
    (("check", "--policy", "stors.yaml"), "stors.yaml:2:1: a policy has no `stors`; did you mean `stores`"),
    (
        ("check", "--policy", "things.yaml"),
        "things.yaml:4:3: the template has no `Thing`; did you mean `Things`",
    ),
    (("explain", "last"), "there are no records; run `valve local invoke` first"),
]


@pytest.fixture
def application(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def valve(folder: Path, *words: str, event: str = "") -> subprocess.CompletedProcess[str]:
    """Run `valve …` as a user would."""
    return subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); from valve_aws.cli import main; main()",
            *words,
        ],
        cwd=folder,
        input=event,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(("words", "told"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_line_with_its_place_and_exit_code_2(
    application: Path, words: tuple[str, ...], told: str
) -> None:
    done = valve(application, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("valve: "), done.stderr
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (application / ".valve").exists()


@pytest.mark.parametrize(
    "words", [("bogus",), (*INVOKE, "--bogus"), (*INVOKE, "--mode", "enfroce")], ids=" ".join
)
def test_a_wrong_word_is_told_with_where_help_is(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = valve(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert words[-1] in done.stderr
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "event", "code", "result"),
    [
        ((), "{}", 0, '{"is": 1.0}'),
        ((), '{"by": 0}', 1, '"errorType": "ZeroDivisionError"'),
        (("--mode", "enforce"), '{"ask": "s3"}', 3, '"errorMessage"'),
        (("--backend", "http://127.0.0.1:1"), '{"ask": "s3"}', 4, '"errorMessage"'),
    ],
    ids=["done", "the function failed", "something was refused", "the backend failed"],
)
def test_each_exit_code_means_what_the_readme_says(
    application: Path, words: tuple[str, ...], event: str, code: int, result: str
) -> None:
    done = valve(application, *INVOKE, "-e", "-", *words, event=event)
    assert done.returncode == code, done.stderr
    assert result in done.stdout
    assert ("did not answer; is that where it listens?" in done.stderr) == (code == 4)


def commands(group: click.Group, at: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command and group below one, itself too; of the sample events those of two services."""
    yield group, at
    services = ["s3", "sqs"] if at.info_name == "generate-event" else group.list_commands(at)
    for name in services:
        found = group.get_command(at, name)
        assert found
        below = click.Context(found, info_name=name, parent=at)
        if isinstance(found, click.Group):
            yield from commands(found, below)
        else:
            yield found, below


def taken(line: str) -> None:
    """Read a command line as `valve` would, and run nothing. Raises click's mistakes."""
    command: click.Command = face
    at, words = click.Context(face, info_name="valve"), shlex.split(line)[1:]
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(at, name)
        assert found, line
        command, parent = found, at
        at = click.Context(found, info_name=name, parent=parent)
    command.make_context(at.info_name, words, parent=at.parent)


def test_every_command_shows_examples_that_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen = 0
    for command, at in commands(face, click.Context(face, info_name="valve")):
        shown = command.get_help(at)
        assert re.search(f"\n    (.* )?{at.command_path}", shown.partition("Example")[2]), at.command_path
        for line in re.findall(r"^    (?:.*\| )?(valve .*?)(?:  .*| [|>].*|;.*)?$", shown, re.MULTILINE):
            taken(line)
            seen += 1
    assert seen > 40
