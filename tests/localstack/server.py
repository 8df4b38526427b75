"""Starts and ends the LocalStack of `tests/localstack`: one process, on loopback, in folders of its own.

Knows its settings, where it writes and when it is ready. Does not know how it was installed (`Makefile`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_LIMIT = 120.0
"""Seconds. It is ready in 2 s; the first start on a busy machine compiles some 500 MB of Python."""

STOP_LIMIT = 10.0
"""Seconds before it is killed: its end on SIGTERM was seen to hang."""

TURN = 0.2
"""Seconds between two looks at whether it is ready."""

SETTINGS = {
    "OVERRIDE_IN_DOCKER": "0",  # Why: where /.dockerenv is, it would write to /var/lib, /usr/lib and /etc
    "GATEWAY_SERVER": "hypercorn",  # Why: the default one listens on every address, whatever it is told
    "DNS_ADDRESS": "0",
    "DISABLE_EVENTS": "1",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "SQS_ENDPOINT_STRATEGY": "path",  # Why: the names of the others are not found where there is no network
    "KINESIS_LATENCY": "0",  # Why: with the default the first records of a stream are lost
    "PROVIDER_OVERRIDE_DYNAMODB": "moto",
    "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
    "PROVIDER_OVERRIDE_KINESIS": "moto",
    "LAMBDA_RUNTIME_EXECUTOR": "valve",
    "LAMBDA_RETRY_BASE_DELAY": "1",  # Why: on AWS a minute
    "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.2",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.5",
}
"""What it is told beside its places (docs.localstack.cloud: configuration). `moto` is `dynamodb/` here."""


POLICY = "version: 1\nmode: audit\n"
"""Before a test writes one."""


class NotStarted(Exception):
    """It did not come up; the message says why."""


@dataclass(frozen=True, slots=True)
class Home:
    """A folder below which everything lies that this LocalStack reads and writes."""

    folder: Path

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "log"

    @property
    def cache(self) -> Path:
        """Where it keeps what it can make again."""
        return self.folder / "root" / "var" / "lib" / "localstack" / "cache"

    def catalogs(self) -> list[Path]:
        """Return the list of AWS's operations that it made when it was first called."""
        return list(self.cache.glob("service-catalog-*.dill"))

    @property
    def policy(self) -> Path:
        """The policy under which the valve runs its functions; it is read again whenever it changes."""
        return self.folder / "valve.yaml"

    @property
    def running(self) -> Path:
        """``{"pid", "url", "python"}`` while it runs."""
        return self.folder / "running.json"

    def environment(self, port: int, more: Mapping[str, str]) -> dict[str, str]:
        """Return its whole environment, so that no setting or credential of the user's reaches it."""
        here = f"127.0.0.1:{port}"
        places = {"FILESYSTEM_ROOT": "root", "XDG_CACHE_HOME": "cache", "TMPDIR": "tmp", "HOME": "home"}
        for name in places.values():
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not self.policy.is_file():
            self.policy.write_text(POLICY, encoding="utf-8")
        return (
            {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
            | SETTINGS
            | {name: str(self.folder / place) for name, place in places.items()}
            | {"VALVE_POLICY": str(self.policy)}
            | {"GATEWAY_LISTEN": here, "LOCALSTACK_HOST": here, "PYTHONDONTWRITEBYTECODE": "1"}
            | dict(more)
        )


def start(home: Home, python: Path, port: int, more: Mapping[str, str]) -> int:
    """Start it unless it runs already, and wait until it is ready; return the exit code."""
    if there := found(home):
        say(f"LocalStack runs at {there['url']} already; `make localstack-stop` ends it")
        return 0
    if taken(port):
        say(f"port {port} is taken by something else: make localstack LOCALSTACK_PORT={port + 1}")
        return 1
    say(f"starting LocalStack at http://127.0.0.1:{port}; its log is {home.log}")
    began = time.monotonic()
    try:
        launch(home, python, port, more, lambda: print(".", end="", flush=True))
    except NotStarted as broken:
        say(f"{broken}; the last lines of {home.log}:")
        print("".join(home.log.read_text("utf-8", "replace").splitlines(keepends=True)[-15:]), flush=True)
        return 1
    print(f" ready in {time.monotonic() - began:.1f} s", flush=True)
    say("now: .venv/bin/python -m pytest tests/localstack    (to end it: make localstack-stop)")
    return 0


def launch(
    home: Home, python: Path, port: int, more: Mapping[str, str], meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Start one in a home and wait until it is ready. Raises `NotStarted`."""
    url = f"http://127.0.0.1:{port}"
    environment = home.environment(port, more)
    with home.log.open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", "localstack.runtime.main"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=home.folder,
            start_new_session=True,
        )
    limit = time.monotonic() + START_LIMIT
    while not ready(url):
        if process.poll() is not None or time.monotonic() > limit:
            ended = "ended" if process.poll() is not None else f"was not ready within {START_LIMIT:.0f} s"
            end(process.pid)
            raise NotStarted(f"LocalStack {ended}")
        meanwhile()
        time.sleep(TURN)
    told = {"pid": process.pid, "url": url, "python": str(python)}
    home.running.write_text(json.dumps(told), encoding="utf-8")


def stop(home: Home, patience: float = STOP_LIMIT) -> int:
    """End the one that runs, if one does; by force after `patience` seconds. Return the exit code."""
    there = found(home)
    home.running.unlink(missing_ok=True)
    if there is None:
        say("no LocalStack runs here")
        return 0
    end(there["pid"], patience)
    say(f"LocalStack at {there['url']} has ended")
    return 0


def found(home: Home) -> dict[str, Any] | None:
    """Return ``{"pid", "url", "python"}`` of the one that runs in this home, None when none does."""
    try:
        told: dict[str, Any] = json.loads(home.running.read_text(encoding="utf-8"))
        command = Path(f"/proc/{told['pid']}/cmdline")
        # Why: a process id is given again, and the machine may have started anew since.
        return told if b"localstack.runtime.main" in command.read_bytes() else None
    except (OSError, ValueError, KeyError):
        return None


def ready(url: str) -> bool:
    """Say whether it has come up whole (docs.localstack.cloud: internal endpoints)."""
    try:
        with urllib.request.urlopen(f"{url}/_localstack/init/ready", timeout=5) as reply:
            return bool(json.load(reply)["completed"])
    except (OSError, ValueError, KeyError):
        return False


def taken(port: int) -> bool:
    """Say whether somebody listens on a port of loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def end(pid: int, patience: float = STOP_LIMIT) -> None:
    """End a process that leads its group, politely and then by force."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    limit = time.monotonic() + patience
    while _lives(pid) and time.monotonic() < limit:
        time.sleep(TURN)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def say(line: str) -> None:
    """Tell whoever called make."""
    print(f"==> {line}", flush=True)


def main(words: Sequence[str]) -> int:
    """`start` or `stop`; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=("start", "stop"))
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="LocalStack's own Python")
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="further settings of LocalStack's")
    told = parser.parse_args(words)
    home = Home(told.home.absolute())
    if told.do == "stop":
        return stop(home)
    more = dict(setting.split("=", 1) for setting in told.settings)
    return start(home, told.python.absolute(), told.port, more)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
