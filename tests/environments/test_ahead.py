"""An init that runs before any event is known: nothing of it crosses, and nothing of it is recorded.

Knows one function that calls out while it is imported, run by the real valve and walls. Does not know spares.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Early:
    Type: AWS::Serverless::Function
    Properties:
      {Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: 30,
       Events: {Api: {Type: Api, Properties: {Path: /x, Method: post}}}}
"""

POLICY = """
version: 1
labels: {pii: {}}
events: {Early.Api: {label: [pii]}}
results: {accepts: [pii]}
"""

SOURCE = """
import socket, urllib.request
try: urllib.request.urlopen("http://elsewhere.test/early", timeout=5)
except Exception: pass
with socket.socket() as s:
    s.settimeout(5)
    try: s.connect(("192.0.2.7", 2222)); s.send(b"early"); s.recv(1)
    except OSError: pass
def handler(event, context): return "served"
"""


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / ".valve" / "audit.jsonl").read_text().splitlines()]


def test_what_an_init_does_before_its_event_is_known_crosses_nowhere(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name, content in (("src/app.py", SOURCE), ("template.yaml", TEMPLATE), ("valve.yaml", POLICY)):
        (tmp_path / name).write_text(content)
    valve = Valve.read(Settings(template=tmp_path / "template.yaml"), lambda _: None)
    ahead: list[bool] = []

    async def life() -> None:
        await valve.open()
        try:
            for trigger in ("", "Early.Api", ""):
                done = await valve.invoke("Early", b"{}", trigger)
                assert json.loads(done.payload) == "served"
                spares = valve._housing._spares["Early"]
                await spares.filled()
                ahead.append(spares._most == 0)
        finally:
            await valve.close()

    asyncio.run(life())
    assert ahead == [False, True, True], "one was begun ahead, and ended as it called out"
    told = records(tmp_path)
    served = {r["valve"]["environment"] for r in told if r["eventName"] == "Admit"}
    out = [r for r in told if r["eventName"] in {"Visit", "Connect"}]
    assert {r["valve"]["environment"] for r in out} == served
    assert len(out) == 2 * len(served)
