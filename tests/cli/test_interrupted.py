"""Ctrl-C, and being told to end: exit code 130, no word, nothing left behind.

Knows the command from outside, in the moments that it can tell apart. Does not know who ends what.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.workplace import ROOT, Workplace
from valve_aws.attack import run
from valve_aws.attack.stage import Stage
from valve_aws.running.housing import Housing

MORE_THAN_A_PIPE_HOLDS = b" " * (1 << 20)
"""What can be written whole only once somebody has begun to read it."""

STAYS = """\
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.11
      InlineCode: |
        import threading
        def handler(event, context):
            print("at work", flush=True)
            threading.Event().wait()
"""


@contextmanager
def begun(project: Workplace, left: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `valve …` in a group of processes of its own, as a terminal does; what it makes for itself lies
    in `left`."""
    left.mkdir()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(left)}
    command = [sys.executable, "-P", "-m", "valve_aws.cli", *words]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=project.folder, env=env, start_new_session=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_still_starting_ends_without_a_word(
    how: signal.Signals, project: Workplace, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    with begun(project, left, "local", "invoke", "Hello", "-e", "-") as process:
        assert process.stdin
        process.stdin.write(MORE_THAN_A_PIPE_HOLDS)
        os.killpg(process.pid, how)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err, list(left.iterdir())) == (130, b"", b"", [])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_function_at_work_is_ended_and_nothing_is_left(
    how: signal.Signals, project: Workplace, tmp_path: Path
) -> None:
    project.write("template.yaml", STAYS)
    left = tmp_path / "left"
    with begun(project, left, "local", "invoke", "Hello") as process:
        assert process.stderr
        assert any(b"at work" in line for line in process.stderr)
        os.killpg(process.pid, how)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, list(left.iterdir())) == (130, b"", [])
    assert all(line.startswith((b"END ", b"REPORT ")) for line in err.splitlines()), err


class Interrupting(list[str]):
    """What the operator is shown; once a function is at work he has seen enough."""

    def append(self, line: str) -> None:
        first = not any(each.startswith("START ") for each in self)
        super().append(line)
        if first and line.startswith("START "):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
def test_an_attack_that_is_interrupted_cuts_what_is_at_work_before_it_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stage(home: Path) -> Stage:
        made = Stage(home)
        made._ground.said = Interrupting()
        return made

    at_work: list[bool] = []
    closing = Housing.close

    async def close(self: Housing) -> None:
        at_work.extend(not pool.rests for pool in self._pools.values())
        await closing(self)

    monkeypatch.setattr(run, "Stage", stage)
    monkeypatch.setattr(Housing, "close", close)
    with pytest.raises(KeyboardInterrupt):
        run.on_host(tmp_path, "B01", print)
    assert at_work
    assert not any(at_work), "it told of itself where nobody listened any more"
