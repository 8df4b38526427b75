"""The embedded cloud as a process of its own.

Knows how moto is started, told what to hold, and ended. Does not know what a label is.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from valve_aws.backend.endpoint import ACCOUNTS, LOCAL_KEY, Endpoint
from valve_aws.model.call import Key

START_LIMIT = 60.0
"""Seconds. moto is ready in 0.3 to 1.5 s; a machine that needs more than this has another trouble."""


FILLER = "filler"
"""The word for one that fills what somebody else runs, and is no cloud itself (`host.py`)."""

Loading = subprocess.Popen[bytes]
"""What becomes a moto once it is told what to hold."""


class NotStarted(Exception):
    """The embedded cloud did not come up, or lost its footing; the message says why."""


def load(key: Key = LOCAL_KEY, *words: str) -> Loading:
    """Start the process of a moto, or of a filler: it imports what it needs and waits to be told what to
    hold. Does not block."""
    return subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", str(Path(__file__).with_name("host.py")), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environ(key),
        start_new_session=True,
    )


class Moto:
    """One moto server on a loopback port of its own choosing. It ends when we do: it reads a pipe that only
    we hold."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, ready: Mapping[str, Any]) -> None:
        self._process = process
        self.port = port
        self.seeded: Sequence[Mapping[str, Any]] = ready.get("seeded", [])
        """What the seed put there: ``{"store": arn, "name": …, "version": …, "index": n}``, one for each
        seed entry."""
        self.warnings: Sequence[str] = ready.get("warnings", [])

    @classmethod
    def start(
        cls,
        resources: Sequence[Mapping[str, Any]],
        seeds: Sequence[Mapping[str, Any]],
        region: str,
        watch: Path | None = None,
        kept: Path | None = None,
        loading: Loading | None = None,
    ) -> Moto:
        """Start moto and create `resources` and `seeds` in it. Blocks until it answers; raises `NotStarted`.

        Shapes: `host.py` says what it takes, one JSON object on its standard input. Into `watch` it writes
        every request that reaches it, one line of JSON each. With `kept` it begins with what `keep` wrote
        there. `loading` is the process that becomes it (`load`), None for a new one.
        """
        told = {"resources": list(resources), "seeds": list(seeds), "region": region}
        files = {"watch": watch, "kept": kept}
        told |= {name: str(path) for name, path in files.items() if path}
        return cls._run(told, loading or load())

    @classmethod
    def _run(cls, told: Mapping[str, Any], process: Loading) -> Moto:
        stdin = cast("Any", process.stdin)
        try:
            stdin.write(json.dumps(told).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            pass  # Why: what it said before it died is read below
        ready = _answer(process)
        return cls(process, ready["port"], ready)

    def refill(self, resources: Sequence[Mapping[str, Any]], seeds: Sequence[Mapping[str, Any]]) -> None:
        """Empty it, and create these in it. Blocks until it answers; raises `NotStarted`.

        Why by its standard input: its own route for that answers whoever can reach its port.
        """
        ready = self._asked({"resources": list(resources), "seeds": list(seeds)})
        self.seeded, self.warnings = ready["seeded"], ready["warnings"]

    def ahead(self, seconds: float) -> None:
        """Let its time be so far ahead of the machine's, until it is emptied. Blocks; raises `NotStarted`."""
        self._asked({"ahead": seconds})

    def machines(self, url: str) -> None:
        """Let the executions of its state machines ask at `url` for all that they call (`machines.py`).
        Blocks; raises `NotStarted`."""
        self._asked({"machines": url})

    def keep(self, path: Path) -> Sequence[str]:
        """Write all that it holds into a file, and return what could not be kept, in words. Blocks; raises
        `NotStarted`."""
        lost: Sequence[str] = self._asked({"keep": str(path)})["lost"]
        return lost

    def _asked(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        stdin = cast("Any", self._process.stdin)
        try:
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # Why: what it said before it died is read below
        return _answer(self._process)

    def endpoint(self) -> Endpoint:
        """Return where it answers. Every start is a generation of its own (ADR 2)."""
        return Endpoint(
            "moto",
            "127.0.0.1",
            self.port,
            False,
            ACCOUNTS["moto"],
            f"moto/{self._process.pid}.{time.time_ns()}",
        )

    def alive(self) -> bool:
        """Say whether the process still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it. Idempotent."""
        _end(self._process)


class _Lent(Moto):
    """A moto whose end is somebody else's affair."""

    def stop(self) -> None:
        """Leave it as it is."""


class Standing:
    """One moto that stands for one cloud after the other; each holds what it is told and nothing else."""

    def __init__(self) -> None:
        self._loading: Loading | None = None
        self._moto: Moto | None = None
        self._region = ""

    def ahead(self) -> None:
        """Have it load beside what else takes time: it is likely to be needed. Does not block."""
        if self._moto is None and self._loading is None:
            self._loading = load()

    def start(
        self, resources: Sequence[Mapping[str, Any]], seeds: Sequence[Mapping[str, Any]], region: str
    ) -> Moto:
        """See `Moto.start`. One cloud at a time: the one before is gone with this."""
        if self._moto is None or not self._moto.alive() or self._region != region:
            loading, self._loading = self._loading, None
            self.end()
            self._moto, self._region = Moto.start(resources, seeds, region, loading=loading), region
        else:
            self._moto.refill(resources, seeds)
        held = {"seeded": self._moto.seeded, "warnings": self._moto.warnings}
        return _Lent(self._moto._process, self._moto.port, held)

    def end(self) -> None:
        """End it. Idempotent."""
        loading, self._loading = self._loading, None
        if loading is not None:
            _end(loading)
        if self._moto is not None:
            self._moto.stop()


def fill(
    endpoint: Endpoint,
    resources: Sequence[Mapping[str, Any]],
    seeds: Sequence[Mapping[str, Any]],
    region: str,
) -> tuple[Sequence[Mapping[str, Any]], Sequence[str]]:
    """Create what is absent at an endpoint that somebody else runs; return what `Moto.seeded` has, and its
    warnings. Raises `NotStarted`."""
    told = {"resources": list(resources), "seeds": list(seeds), "region": region, "url": endpoint.url}
    filler = Moto._run(told, load(endpoint.credential, FILLER))
    try:
        return filler.seeded, filler.warnings
    finally:
        filler.stop()


def _end(process: Loading) -> None:
    """End it, whatever it does. Idempotent."""
    if process.poll() is None:
        process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
    process.wait()


def _answer(process: subprocess.Popen[bytes]) -> Mapping[str, Any]:
    """Return what it answers to an order; when that is no answer, end it. Raises `NotStarted`."""
    line = _line(process, START_LIMIT)
    ready: Mapping[str, Any] = json.loads(line) if line else {}
    if not line:
        process.kill()
        _, said = process.communicate()
        ended = said.decode("utf-8", "replace").strip().rpartition("\n")[2] or "moto ended without a word"
        raise NotStarted(ended)
    if "error" in ready:
        process.kill()
        process.communicate()
        raise NotStarted(ready["error"])
    return ready


def _line(process: subprocess.Popen[bytes], limit: float) -> bytes:
    """Return the first line that it writes, b"" when it ends or takes too long."""
    out = cast("Any", process.stdout)
    end = time.monotonic() + limit
    with selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ)
        got = b""
        while not got.endswith(b"\n"):
            if not selector.select(max(0.0, end - time.monotonic())):
                return b""
            piece = os.read(out.fileno(), 65536)
            if not piece:
                return b""
            got += piece
    return got


def _environ(key: Key) -> dict[str, str]:
    """Return a clean environment: no credential, proxy or endpoint setting of the user's reaches moto."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
        if name in os.environ
    }
    return kept | {
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_MAX_ATTEMPTS": "2",
        "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "1073741824",
    }
