"""The peer: AWS's own runtime emulator, a static program inside the wheel of `aws-sam-cli`.

Knows where it is had from and how it is run. Does not know what is compared.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from valve_aws.environments.host import cache_folder

INVOKE = "/2015-03-31/functions/function/invocations"


def binary() -> Path:
    """Return the program; the wheel is downloaded once, and nothing but this file of it is kept."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    folder = cache_folder() / "bench"
    found = folder / f"aws-lambda-rie-{machine}"
    if found.is_file():
        return found
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*command, "-d", str(folder), "aws-sam-cli"], check=True)
    for wheel in folder.glob("aws_sam_cli-*.whl"):
        with zipfile.ZipFile(wheel) as opened:
            content = opened.read(f"samcli/local/rapid/{found.name}")
        aside = found.with_suffix(".new")
        aside.write_bytes(content)
        aside.chmod(0o755)
        aside.rename(found)
        wheel.unlink()
    return found


class Emulator:
    """One emulator with one function under it, started by the first invocation."""

    def __init__(self, code: Path, environ: Mapping[str, str]) -> None:
        self._ports = free_port(), free_port()
        command = [
            str(binary()),
            "--log-level",
            "error",
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{self._ports[0]}",
            "--runtime-api-address",
            f"127.0.0.1:{self._ports[1]}",
            sys.executable,
            "-m",
            "awslambdaric",
            "app.handler",
        ]
        self._process = subprocess.Popen(
            command,
            cwd=code,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={
                "PATH": os.environ["PATH"],
                "AWS_LAMBDA_FUNCTION_TIMEOUT": "600",
                "LAMBDA_TASK_ROOT": str(code),
                "AWS_REGION": "us-east-1",
                **environ,
            },
        )
        self._client = http.client.HTTPConnection("127.0.0.1", self._ports[0], timeout=600)

    def invoke(self, event: Any) -> Any:
        """Return the function's answer; waits for the emulator to listen."""
        for _ in range(2000):
            try:
                self._client.request("POST", INVOKE, json.dumps(event))
                return json.loads(self._client.getresponse().read())
            except (ConnectionRefusedError, http.client.RemoteDisconnected):
                self._client.close()
                time.sleep(0.002)
        raise TimeoutError("the emulator does not answer")

    def close(self) -> None:
        """End it and what it started."""
        self._client.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait()


@contextlib.contextmanager
def emulator(code: Path, environ: Mapping[str, str]) -> Iterator[Emulator]:
    """Run one for as long as the block lasts."""
    running = Emulator(code, environ)
    try:
        yield running
    finally:
        running.close()


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
