"""Claims about what an event may leave for the next one, each shown first with environments carried over.

Knows one function, its users' labels and their secrets. Does not know what is left nor how; the ways do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Shared:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: src
      Timeout: 30
      MemorySize: 256
      Events: {Api: {Type: Api, Properties: {Path: /, Method: post}}}
"""
POLICY = """
version: 1
labels: {user: {}}
events: {Shared.Api: {label: ["user/{requestContext.authorizer.claims.sub}"]}}
results: {accepts: [user]}
"""
SOURCE = """
import json, os, sys

def handler(event, context):
    told = {}
    app = sys.modules[__name__]
    given = {"__name__": "way", "event": event, "context": context, "told": told, "app": app}
    exec(event.get("code", ""), given)
    return told
"""

STAYS = """
import sys, time
time.sleep(0.05)
for _ in range(1000 if hasattr(sys, "kept") else 0):
    if sys.kept: break
    time.sleep(0.01)
"""
"""Alice's event takes a moment. Why longer where a trap is: on a busy machine it is slow to fall shut."""

Way = tuple[str, str]
"""What the attacker's event runs, and what a later one of his, or the next user's, runs to get hold of it."""
Send = Callable[..., Coroutine[Any, Any, dict[str, Any]]]


class Residue:
    """Alice's event comes with her secret; then Mallory looks, who must not know it."""

    ways: ClassVar[dict[str, Way]] = {}
    spies: ClassVar[bool] = False
    """True: Mallory leaves a trap before Alice's event and empties it afterwards. False: he looks for what
    Alice's own event left."""

    def found(self, folder: Path, way: str, reuse: str, looker: str) -> tuple[bool, set[str]]:
        """Play a way; return whether the looker has Alice's secret, and the label of what he was given."""
        leave, look = self.ways[way]
        secret = f"secret-of-alice-{way}".replace(" ", "-")

        async def life(send: Send, valve: Valve) -> tuple[bool, set[str]]:
            if self.spies:
                await send("mallory", code=leave)
                await send("alice", secret=secret, code=STAYS)
            else:
                await send("alice", code=leave, secret=secret)
            told = await send(looker, code=look)
            return secret in json.dumps(told), set(valve.records[-1].label)

        return played(folder, life, reuse)

    def test_it_is_there_where_environments_are_carried_over_and_the_label_says_so(
        self, way: str, tmp_path: Path
    ) -> None:
        found, label = self.found(tmp_path, way, "carry", "mallory")
        assert found, "what is to be stopped must be seen to work"
        assert label == {"user/alice", "user/mallory"}

    @pytest.mark.parametrize("reuse", ["label", "never"])
    def test_another_label_never_meets_it(self, way: str, reuse: str, tmp_path: Path) -> None:
        found, label = self.found(tmp_path, way, reuse, "mallory")
        assert not found
        assert label == {"user/mallory"}

    def test_who_brings_the_same_label_keeps_what_is_warm(self, way: str, tmp_path: Path) -> None:
        """The honest twin: a cache in a global, a file or a process, met by one's own next event."""
        if not self.spies:
            found, label = self.found(tmp_path, way, "label", "alice")
            assert found
            assert label == {"user/alice"}


def played(
    folder: Path,
    life: Callable[[Send, Valve], Coroutine[Any, Any, Any]],
    reuse: str,
    files: Mapping[str, str] | None = None,
) -> Any:
    """Open a valve in `enforce` on the function and live with it; `files` lie over the usual ones."""
    (folder / "src").mkdir()
    usual = {"src/app.py": SOURCE, "template.yaml": TEMPLATE, "valve.yaml": POLICY}
    for name, content in {**usual, **(files or {})}.items():
        (folder / name).write_text(content)
    valve = Valve.read(Settings(template=folder / "template.yaml", reuse=reuse), lambda _: None)

    async def send(user: str, **event: Any) -> dict[str, Any]:
        told = {**event, "requestContext": {"authorizer": {"claims": {"sub": user}}}}
        done = await valve.invoke("Shared", json.dumps(told).encode(), "Shared.Api")
        answer = json.loads(done.payload)
        return answer if isinstance(answer, dict) else {"answer": answer}

    async def whole() -> Any:
        await valve.open()
        try:
            return await life(send, valve)
        finally:
            await valve.close()

    return asyncio.run(whole())
