"""A world in which functions are also asked by their URLs, beside one another, and have their logs read.

Knows the steps for that. Does not know any case.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from tests.conformance.world import Play, World
from valve_aws.staying.standing import answering
from valve_aws.staying.up import Port

FUNCTION = """
  {logical}:
    Type: AWS::Serverless::Function
    Properties: {{FunctionName: {name}, Handler: answers.{handler}, Runtime: {runtime}}}
"""
WARM = {
    "echo39": ("echo", "python3.9"),
    "echo310": ("echo", "python3.10"),
    "node16": ("echo", "nodejs16.x"),
    "nothing": ("nothing", "python3.12"),
    "node-nothing": ("nothing", "nodejs18.x"),
    "gives": ("gives", "python3.12"),
    "request": ("request", "nodejs20.x"),
    "tells": ("tells", "python3.12"),
    "waits": ("waits", "python3.12"),
    "long": ("long", "python3.12"),
}
"""Functions that stay warm from case to case: name → (handler, runtime)."""

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {CodeUri: src, Timeout: 30}}
Resources:
""" + "".join(
    FUNCTION.format(logical=name.title().replace("-", ""), name=name, handler=handler, runtime=runtime)
    for name, (handler, runtime) in WARM.items()
)

PROGRAMS = {
    f"answers{suffix}": (Path(__file__).parent / "programs" / f"answers{suffix}").read_text(encoding="utf-8")
    for suffix in (".py", ".mjs")
}
FILES = {"template.yaml": TEMPLATE, **{f"src/{name}": text for name, text in PROGRAMS.items()}}


class Heard(list[str]):
    """The lines of all functions' logs, for whom somebody may wait."""

    def __init__(self) -> None:
        super().__init__()
        self._new = threading.Condition()

    def append(self, line: str) -> None:
        """Take a line in."""
        with self._new:
            super().append(line)
            self._new.notify_all()

    def wait(self, text: str) -> None:
        """Wait until there is a line with a text in it."""
        with self._new:
            assert self._new.wait_for(lambda: any(text in line for line in self), 60), (text, [*self])


class Callers(World):
    """`World`, with these steps beside:

    - `{"ask": method, "url": address, "path": path, "headers": {}, "body": text}`: a request to a function's
      URL; of the answer `content` (an object as what it says) and the headers that `shows` names
    - `{"tail": fact}`: the lines of an earlier answer's `LogResult`, its report too
    - `{"lines": words}`: those lines of the logs since the case began that begin with one of them, sorted if
      `sorted`
    - `{"begin": name, "call": …, "with": …}`: a call that goes on beside the next steps
    - `{"hear": text}`: waits for a line with that text
    - `{"end": name}`: the answer of what was begun
    """

    code: Mapping[str, Any] = {"answers": PROGRAMS}
    own = frozenset({"ask", "tail", "lines", "begin", "hear", "end"})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, FILES)
        self.ground.lines = Heard()
        self._beside = ThreadPoolExecutor(4)
        self._begun: dict[str, Future[dict[str, Any]]] = {}
        self._open = contextlib.AsyncExitStack()

    async def _served(self) -> Any:
        valve = self.ground.valve
        entrance = valve.entrance(lambda: str(uuid.uuid4()))
        port = Port(entrance, await valve.operating(), "127.0.0.1")
        self._port = port
        port.functions = valve.lambda_api(address=port.address)
        self._open.push_async_callback(entrance.close)
        port.url = await self._open.enter_async_context(answering(port.request, "127.0.0.1", 0))
        return port.functions

    def close(self) -> None:
        """End."""
        self._beside.shutdown()
        self.ground.call(self._open.aclose())
        super().close()

    def taken(self, play: Play, step: Mapping[str, Any]) -> dict[str, Any]:
        """See `World`."""
        if "begin" in step:
            self._begun[step["begin"]] = self._beside.submit(play.called, step)
            return {}
        if "end" in step:
            return self._begun.pop(step["end"]).result(60)
        if "hear" in step:
            self.ground.lines.wait(step["hear"])
            return {}
        if "tail" in step:
            log = play.answers[step["tail"]]["is"]["LogResult"]
            return {"is": base64.b64decode(log).decode().splitlines()}
        if "lines" in step:
            self.ground.settle()
            words = tuple(step["lines"])
            found = [line.rstrip() for line in self.ground.lines if line.startswith(words)]
            return {"is": sorted(found) if step.get("sorted") else found}
        return _asked(step, urlsplit(play.filled(step["url"])), int(self._port.url.rpartition(":")[2]))


def _asked(step: Mapping[str, Any], at: SplitResult, port: int) -> dict[str, Any]:
    """Return what a function's URL says to a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = step.get("body", "").encode("latin1")
    connection.putrequest(step["ask"], f"/{step.get('path', '')}", skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": at.netloc, "Content-Length": len(body), **step.get("headers", {})}.items():
        connection.putheader(name, str(value))
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    told: dict[str, Any] = {"content": json.loads(text) if text[:1] == "{" else text}
    if "shows" in step:
        told["headers"] = {name: answer.getheader(name) for name in step["shows"]}
    return {"status": answer.status, "is": told}
