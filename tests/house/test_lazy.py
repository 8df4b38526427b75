"""What each command may not import, since every user pays for it every time.

Knows the commands and their bans. Does not measure time; `tests/bench` does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.source import PACKAGE, ROOT

ENGINES = frozenset({"boto3", "flask", "moto", "samtranslator"})
DEAR = ENGINES | {"asyncio", "botocore", "cryptography", "sqlite3", "ssl", "yaml"}

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.11, Handler: app.handler, CodeUri: code}
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, what the valve's own process must not import for it, the modules it takes to exist."""

    line: str
    banned: frozenset[str]
    takes: tuple[str, ...] = ("cli.py",)


COMMANDS = (
    Command("--help", DEAR),
    Command("--version", DEAR),
    Command("local invoke --help", DEAR),
    Command("local generate-event --help", DEAR),
    Command("local generate-event s3 put --help", DEAR),
    Command("local generate-event config periodic-rule", DEAR),
    Command("attack --help", DEAR),
    Command("lock --help", DEAR),
    Command("attack --list", ENGINES, ("attack/run.py",)),
    Command("local invoke Greet", ENGINES, ("cli.py", "valve.py")),
)


def test_no_command_imports_what_it_does_not_need(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("def handler(event, context):\n    return 'hello'\n")
    for command in existing():
        imported = imports_of(command.line, tmp_path)
        assert not imported & command.banned, f"`valve {command.line}`"


def test_the_package_itself_imports_nothing() -> None:
    ran = _run("import valve_aws", ROOT)
    assert ran.returncode == 0
    assert not {name for name in _imported(ran.stderr) if name.startswith(f"{PACKAGE}.")} | (
        _imported(ran.stderr) & DEAR
    )


def test_the_pytest_plugin_brings_nothing_along_that_pytest_has_not() -> None:
    """Every test run of whoever has the package installed pays for it."""
    ran = _run("import pytest, valve_aws.pytest_plugin", ROOT)
    assert ran.returncode == 0, _without_times(ran.stderr)
    before, _, after = ran.stderr.rpartition(" pytest\n")
    assert before
    new = set(TIMED.findall(after)) - {"valve_aws", "valve_aws.pytest_plugin"}
    assert not new


def existing() -> Iterator[Command]:
    return (row for row in COMMANDS if all((ROOT / PACKAGE / part).exists() for part in row.takes))


def imports_of(line: str, folder: Path) -> set[str]:
    """Top-level names that `valve <line>` imports in its own process, run in `folder`."""
    found = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['valve', *{line.split()!r}]"
    ran = _run(f"{found}; from valve_aws.cli import main; sys.exit(main())", folder)
    assert ran.returncode == 0, f"`valve {line}` ended with {ran.returncode}:\n{_without_times(ran.stderr)}"
    return {name.partition(".")[0] for name in _imported(ran.stderr)}


def _run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-c", code]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VALVE_"))}
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=110, check=False
    )


TIMED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s*(\S+)\s*$", re.MULTILINE)


def _imported(stderr: str) -> set[str]:
    return set(TIMED.findall(stderr))


def _without_times(stderr: str) -> str:
    return "\n".join(line for line in stderr.splitlines() if not line.startswith("import time:"))
