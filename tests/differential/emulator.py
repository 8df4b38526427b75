"""The peer: AWS's own runtime emulator, a static program inside the wheel of `aws-sam-cli`, and that wheel's
sample events.

Knows where it is had from and how it is run. Does not know what is compared.
`python -m tests.differential.emulator` fetches it.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from valve_aws.environments.host import cache_folder

INVOKE = "/2015-03-31/functions/function/invocations"
INVOKE_PORT, RUNTIME_PORT = 8080, 9001
WHEEL = "aws-sam-cli==1.170.0"
PROGRAMS = {
    "x86_64": ("x86_64", "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5"),
    "aarch64": ("arm64", "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21"),
}
"""Machine → (what the wheel calls it, SHA-256 of the program): what is compared with is always the same."""


CATALOGUE = "samcli/lib/generated_sample_events/"
"""Where the wheel has the sample events of `sam local generate-event`."""


def binary() -> Path:
    """Return the program; the wheel is downloaded once, and nothing but what is compared with is kept."""
    machine, digest = PROGRAMS[platform.machine()]
    found = _folder() / f"aws-lambda-rie-{machine}-{digest[:8]}"
    if not found.is_file():
        _fetch()
    return found


def catalogue() -> zipfile.Path:
    """Return the folder of the sample events of `sam local generate-event`, `event-mapping.json` in it."""
    kept = _folder() / f"{WHEEL}-events.zip"
    if not kept.is_file():
        _fetch()
    return zipfile.Path(kept, CATALOGUE)


def _folder() -> Path:
    return cache_folder() / "emulator"


def _fetch() -> None:
    machine, digest = PROGRAMS[platform.machine()]
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*command, "-d", aside, WHEEL], check=True)
        (wheel,) = Path(aside).glob("aws_sam_cli-*.whl")
        program, events = Path(aside, "program"), Path(aside, "events")
        with zipfile.ZipFile(wheel) as opened, zipfile.ZipFile(events, "w", zipfile.ZIP_DEFLATED) as kept:
            content = opened.read(f"samcli/local/rapid/aws-lambda-rie-{machine}")
            for name in opened.namelist():
                if name.startswith(CATALOGUE) and name.endswith(".json"):
                    kept.writestr(name, opened.read(name))
        assert hashlib.sha256(content).hexdigest() == digest, f"{wheel.name} holds another program"
        program.write_bytes(content)
        program.chmod(0o755)
        program.rename(folder / f"aws-lambda-rie-{machine}-{digest[:8]}")
        events.rename(folder / f"{WHEEL}-events.zip")


class Emulator:
    """One emulator with one function under it, started by the first invocation."""

    def __init__(self, code: Path, environ: Mapping[str, str], command: Sequence[str] = ()) -> None:
        """`command` starts the runtime; without one that is awslambdaric, with `app.handler`."""
        # Why an address of its own: a port that was free a moment ago may be somebody's by now.
        address = ".".join(("127", *(str(random.randint(1, 254)) for _ in range(3))))
        told = [
            "--runtime-interface-emulator-address",
            f"{address}:{INVOKE_PORT}",
            "--runtime-api-address",
            f"{address}:{RUNTIME_PORT}",
        ]
        start = command or (sys.executable, "-m", "awslambdaric", "app.handler")
        self._process = subprocess.Popen(
            [str(binary()), "--log-level", "error", *told, *start],
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
        self._client = http.client.HTTPConnection(address, INVOKE_PORT, timeout=600)

    def invoke(self, event: Any) -> Any:
        """Return the function's answer."""
        return json.loads(self.send(json.dumps(event).encode())[1])

    def send(self, event: bytes, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body as they come; waits for the emulator to listen."""
        for _ in range(2000):
            try:
                self._client.request("POST", INVOKE, event, dict(headers or {}))
                answer = self._client.getresponse()
                return answer.status, answer.read()
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
def emulator(code: Path, environ: Mapping[str, str], command: Sequence[str] = ()) -> Iterator[Emulator]:
    """Run one for as long as the block lasts."""
    running = Emulator(code, environ, command)
    try:
        yield running
    finally:
        running.close()


if __name__ == "__main__":
    binary()
    catalogue()
