"""The two that are compared: AWS's emulator on the host, and a valve with its walls, each with the same code.

Knows how each is given an event, and what of an answer is by its nature another each time. Does not compare.
"""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import awslambdaric
import yaml

from tests.differential.cases import Case, Tried
from tests.differential.emulator import Emulator
from tests.differential.modules import MODULES
from valve_aws import runtime
from valve_aws.environments import host
from valve_aws.environments.cache import Cache
from valve_aws.model.invocation import Beside
from valve_aws.settings import Settings
from valve_aws.valve import Valve

T = TypeVar("T")
ACCOUNT = "012345678912"
"""The emulator's; it cannot be told another."""
CODE = Path(__file__).parent / "code"
ROOT = Path(__file__).parents[2]
NODE = next(host.nodes(), None)
"""None: this host has none, and what needs one is skipped."""
CLIENT = Path("/no/such/folder")
if NODE:
    CLIENT = Cache(host.cache_folder(), lambda _: None).node_client(NODE, ROOT / "shims" / "node")
RUNTIMES = {
    "python": f"python{sys.version_info[0]}.{sys.version_info[1]}",
    "node": NODE.name if NODE else "nodejs20.x",
    "own": "provided.al2023",
}
SHOWN = {
    str(CLIENT): b"/var/runtime",
    str(Path(awslambdaric.__file__).parent.parent): b"/var/runtime",
    **({} if sys.base_prefix == "/usr" else {sys.base_prefix: b"/var/lang"}),
}
"""Folders of the host that the emulator's function sees, and where Lambda has them."""
CHANGING = (
    (re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), b"<identifier>"),
    (re.compile(rb"line repeated \d+ more times"), b"line repeated more times"),
)
"""What is another in every run, and what stands for it: identifiers; and how deep Python was when it ended a
recursion, for the frames below the handler are runpy's on one side and the bootstrap's on the other."""


def written(folder: Path) -> Path:
    """Write the code into a folder and return it."""
    shutil.copytree(CODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in MODULES.items():
        (folder / name).write_text(text)
    return folder


def logical(tried: Tried) -> str:
    """Return a function's name in the template."""
    return "F" + "".join(
        letter if letter.isascii() and letter.isalnum() else f"{ord(letter):02x}" for letter in tried.name
    )


class Ours:
    """A valve with every function, on a loop in a thread of its own."""

    def __init__(self, folder: Path, code: Path, every: tuple[Tried, ...]) -> None:
        resources = {
            logical(tried): {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "FunctionName": logical(tried),
                    "CodeUri": str(code),
                    "Runtime": RUNTIMES[tried.language],
                    "Handler": tried.handler,
                    "Timeout": tried.timeout,
                    "MemorySize": tried.memory,
                    "Environment": {"Variables": dict(tried.variables)},
                },
            }
            for tried in every
        }
        template = folder / "template.yaml"
        text = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
        template.write_text(yaml.safe_dump(text, allow_unicode=True))
        self.said: list[str] = []
        self._valve = Valve.read(Settings(template, account=ACCOUNT, spares=0), self.said.append)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.wait(self._valve.open())

    def wait(self, course: Coroutine[Any, Any, T]) -> T:
        """Have a course run, and return what it comes to."""
        return asyncio.run_coroutine_threadsafe(course, self._loop).result(120)

    def send(self, tried: Tried, case: Case) -> bytes:
        """Return the payload of one invocation, as whoever called Invoke gets it."""
        context = case.headers.get("X-Amz-Client-Context", "")
        if refused := runtime.faults.unacceptable(case.event, True, context):
            return refused[2]
        beside = Beside(base64.b64decode(context).decode(), case.headers.get("X-Amz-Tenant-Id", ""))
        return self.wait(self._valve.invoke(logical(tried), case.event, beside=beside)).payload

    def close(self) -> None:
        """End it."""
        self.wait(self._valve.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Theirs:
    """The emulator with one function."""

    def __init__(self, code: Path, tried: Tried) -> None:
        self._code = code
        variables = {
            "AWS_LAMBDA_FUNCTION_NAME": logical(tried),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(tried.timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(tried.memory),
            "AWS_DEFAULT_REGION": "us-east-1",
            **(
                {}
                if tried.language == "own"
                else {"AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIMES[tried.language]}"}
            ),
            "PYTHONDONTWRITEBYTECODE": "1",
            **tried.variables,
        }
        starts = {
            "python": (sys.executable, "-m", "awslambdaric", tried.handler),
            "node": (str(NODE.executable if NODE else ""), str(CLIENT / "index.mjs")),
            "own": (str(code / "bootstrap"),),
        }
        self._emulator = Emulator(code, {**variables, "_HANDLER": tried.handler}, starts[tried.language])

    def send(self, _: Tried, case: Case) -> bytes:
        """Return the payload of one invocation; the host's folder is shown as Lambda's."""
        answer = self._emulator.send(case.event, case.headers)[1]
        for there, inside in SHOWN.items():
            answer = answer.replace(there.encode(), inside)
        return answer.replace(str(self._code).encode(), b"/var/task")

    def close(self) -> None:
        """End it."""
        self._emulator.close()


def settled(payload: bytes) -> bytes:
    """Return a payload without what is another in every run."""
    for pattern, stands in CHANGING:
        payload = pattern.sub(stands, payload)
    return payload


Send = Callable[[Tried, Case], bytes]


def answers(send: Send, tried: Tried) -> Mapping[str, bytes]:
    """Return what every case of a function came to, by name."""
    return {case.name: settled(send(tried, case)) for case in tried.cases}
