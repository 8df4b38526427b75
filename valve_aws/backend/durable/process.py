"""AWS's own local runner of durable executions (`dex-local-runner`) as a process of its own: it keeps what
their steps have come to, and has functions invoked at an address.

Knows how it is started and ended. Does not know what an execution is, nor what a label is.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from valve_aws.backend.endpoint import ACCOUNTS, Endpoint
from valve_aws.backend.process import NotStarted, _environ
from valve_aws.model.call import Key
from valve_aws.model.stack import Function

PACKAGE = "aws_durable_execution_sdk_python_testing"
REMEDY = "install AWS's local runner of such: pip install 'valve-aws[durable]'"
START_LIMIT = 30.0
"""Seconds. It is ready in one; a machine that needs more than this has another trouble."""
LONGEST = 900
"""Seconds that it waits for one invocation: Lambda's longest time-out."""


class Runner:
    """One runner on a loopback port. It ends when we do: its program reads a pipe that only we hold."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, said: IO[bytes]) -> None:
        self._process, self._port, self._said = process, port, said

    @classmethod
    def start(cls, url: str, key: Key, region: str, functions: Iterable[Function], *, waits: bool) -> Runner:
        """Start one that has functions invoked at `url`, its requests signed with `key`. `functions` are
        those that a step may invoke. `waits` False: what an execution waits for passes in no time. Blocks
        until it answers; raises `NotStarted`."""
        with socket.create_server(("127.0.0.1", 0)) as held:
            port: int = held.getsockname()[1]
        words = ["start-server", "--host", "127.0.0.1", "--port", str(port), "--log-level", "ERROR"]
        words += ["--lambda-endpoint", url, "--local-runner-region", region]
        words += ["--invocation-timeout", str(LONGEST), "--no-skip-time" if waits else "--skip-time"]
        words += ["--function-configs", json.dumps(configured(functions))]
        said = tempfile.TemporaryFile()  # noqa: SIM115  # it is open as long as the runner runs
        process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", str(Path(__file__).with_name("host.py")), *words],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            env=_environ(key) | {"AWS_SESSION_TOKEN": key.token, "AWS_DEFAULT_REGION": region},
            start_new_session=True,
        )
        runner = cls(process, port, said)
        end = time.monotonic() + START_LIMIT
        while not runner._answers():
            if process.poll() is not None or time.monotonic() > end:
                runner.stop()
                raise NotStarted(f"the runner of durable executions did not start: {runner._last()}")
            time.sleep(0.02)
        return runner

    @staticmethod
    def installed() -> bool:
        """Say whether there is one to start."""
        return find_spec(PACKAGE) is not None

    def alive(self) -> bool:
        """Say whether the process still runs."""
        return self._process.poll() is None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), 1).close()
        except OSError:
            return False
        return True

    def _last(self) -> str:
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").strip()
        return said.rpartition("\n")[2] or "it ended without a word"

    def endpoint(self) -> Endpoint:
        """Return where it answers."""
        return Endpoint("runner", "127.0.0.1", self._port, False, ACCOUNTS["moto"], "")

    def stop(self) -> None:
        """End it, whatever it does. Idempotent."""
        if self._process.poll() is None:
            self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()


def configured(functions: Iterable[Function]) -> Mapping[str, Any]:
    """Return what the runner is told of functions, in the Lambda API's own form."""
    told: dict[str, Any] = {}
    for each in functions:
        durable = each.durable
        told[each.name] = (
            {}
            if durable is None
            else {
                "DurableConfig": {
                    "ExecutionTimeout": durable.timeout,
                    "RetentionPeriodInDays": durable.retention,
                }
            }
        )
    return told
