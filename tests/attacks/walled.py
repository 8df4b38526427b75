"""A function of one file, run without walls and within them, by the same valve.

Knows how such a function is laid out, run, and what it could reach. Does not know what it tries.

Why beside the stage: with the guard off the stage's sandboxes still have their walls. What only walls stop
leaks where there are none (`--unsafe-cooperative`), and that is the leak to be seen first.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valve_aws.model.record import Record
from valve_aws.settings import Settings
from valve_aws.valve import Finished, Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hostile:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ./
      Handler: app.handler
      Runtime: python{version}
      Timeout: 60
      MemorySize: 128
      Environment: {{Variables: {variables}}}
      Events: {{Api: {{Type: Api, Properties: {{Path: /, Method: post}}}}}}
"""
POLICY = """
version: 1
labels: {secret: {}}
stores: {"http://open.test/*": {accepts: []}, "http://kept.test/*": {accepts: [secret]}}
events: {Hostile.Api: {label: [secret]}}
results: {default: {accepts: [secret]}}
logs: {accepts: []}
"""
TRIGGER = "Hostile.Api"
"""What comes by it is labelled."""


@dataclass
class Walled:
    """One function and what came of running it."""

    folder: Path
    resolve: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def lay(self, code: str, variables: Mapping[str, str] | None = None, **files: str) -> Walled:
        """Write the function, its template and its policy; further files by their names without `.py`."""
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        template = TEMPLATE.format(version=version, variables=json.dumps(dict(variables or {})))
        contents = {"template.yaml": template, "valve.yaml": POLICY, "app.py": code}
        contents |= {f"{name}.py": content for name, content in files.items()}
        for name, content in contents.items():
            (self.folder / name).write_text(content)
        return self

    def run(self, event: Any, mode: str = "enforce", walls: bool = True, trigger: str = "") -> Ran:
        """Run it once."""
        return self.together([event], mode, walls, trigger)[0]

    def together(
        self, events: list[Any], mode: str = "enforce", walls: bool = True, trigger: str = ""
    ) -> list[Ran]:
        """Run it for some events at once, each in an environment of its own."""
        return asyncio.run(self._together(events, mode, walls, trigger))

    async def _together(self, events: list[Any], mode: str, walls: bool, trigger: str) -> list[Ran]:
        log = self.folder / f"{mode}-{walls}.log"
        settings = Settings(
            template=self.folder / "template.yaml",
            mode=mode,
            unsafe=not walls,
            audit=self.folder / "audit.jsonl",
            labels=self.folder / "labels.db",
            log=log,
            resolve=self.resolve,
            reuse="never",
        )
        valve = Valve.read(settings, self.said.append)
        await valve.open()
        try:
            asked = [valve.invoke("Hostile", json.dumps(event).encode(), trigger) for event in events]
            finished = await asyncio.gather(*asked)
            await valve.drain()
            return [Ran(each, tuple(valve.records), log.read_text()) for each in finished]
        finally:
            await valve.close()


@dataclass(frozen=True)
class Ran:
    """What came of one event. `records` and `log` are those of all events that ran at once."""

    finished: Finished
    records: tuple[Record, ...]
    log: str

    @property
    def told(self) -> Any:
        """What the function returned, or the error in its place."""
        return json.loads(self.finished.payload)

    @property
    def refused(self) -> set[str]:
        """The calls that were refused."""
        return {f"{r.service}:{r.operation}" for r in self.records if r.verdict == "refuse"}


@contextmanager
def machine(then: Callable[[], object] = lambda: None) -> Iterator[tuple[int, list[str]]]:
    """Serve HTTP on loopback; yield the port and all that was asked, path and body. `then` is done between a
    request and its answer."""
    told: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            told.append(f"{self.path} {body.decode('utf-8', 'replace')}")
            then()
            self.send_response(204)
            with contextlib.suppress(OSError):
                self.end_headers()

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
