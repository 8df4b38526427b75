"""What a sandbox adds to a cold start, and how invocations compare with AWS's runtime emulator.

Knows the first request of a runtime. Does not judge: budgets are marked in the table.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.conftest import APP, Talker, Valves, runtime
from tests.bench.figures import Figures, Row, interleaved
from tests.differential.emulator import Emulator, emulator
from tests.stories.world import free_port
from valve_aws import sandbox
from valve_aws.environments.cache import Cache
from valve_aws.environments.host import cache_folder
from valve_aws.environments.plan import plan
from valve_aws.environments.prepare import Prepared, prepare
from valve_aws.model.call import Key
from valve_aws.model.plan import Jail, Listeners, Plan
from valve_aws.sandbox.unsafe.process import spawn_unsafe
from valve_aws.settings import Settings
from valve_aws.valve import Valve

BUDGET = 30.0
"""ms that the full sandbox may add to a cold start."""
RUNS = 20
KEY = Key("ASIAEXAMPLEEXAMPLE00", "secret", "token")


def prepared(function: str) -> Prepared:
    """Return a function of the application, ready to be planned."""
    settings = Settings(template=APP / "template.yaml", parameters={"Runtime": runtime()})
    stack = Valve.read(settings, print).stack
    shims = Path(__file__).parents[2] / "shims" / "python"
    return prepare(stack.functions[function], Cache(cache_folder(), print), shims, print)


def sandboxed(made: Plan) -> list[float]:
    """Return the seconds from the spawn of a full sandbox to the runtime's first request."""
    began = time.perf_counter()
    jail = sandbox.spawn(made)
    taken = first_request(list(jail.listeners.tcp)) - began
    end(jail)
    return [taken]


def bare(made: Plan, ready: Prepared) -> list[float]:
    """Return the same for a plain child process of the same program, variables and packages."""
    inside = {bind.target: bind.source for bind in ready.binds}
    listener = socket.create_server(("127.0.0.1", free_port()))
    host = str(inside["/var/runtime"])
    environ = {
        **made.environ,
        "LAMBDA_TASK_ROOT": str(inside["/var/task"]),
        "LAMBDA_RUNTIME_DIR": host,
        "PYTHONPATH": host,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}",
        "PATH": os.environ["PATH"],
    }
    environ.pop("LD_LIBRARY_PATH")
    argv = (str(ready.interpreter.executable), "-S", f"{host}/bootstrap.py")
    outside = replace(made, argv=argv, environ=environ, directory=str(inside["/var/task"]))
    began = time.perf_counter()
    jail = spawn_unsafe(outside, Listeners((listener,), (), False))
    taken = first_request([listener]) - began
    end(jail)
    return [taken]


def first_request(listeners: list[socket.socket]) -> float:
    """Return the moment at which the first `next` came in."""
    while True:
        ready, _, _ = select.select(listeners, [], [], 20)
        for listener in ready:
            with contextlib.closing(listener.accept()[0]) as client:
                if b"/next" in client.recv(4096):
                    return time.perf_counter()


def end(jail: Jail) -> None:
    """End it, and close what is ours of it."""
    jail.kill()
    jail.wait()
    for each in (*jail.listeners.tcp, *jail.listeners.udp):
        each.close()
    os.close(jail.stdout)
    os.close(jail.stderr)


@pytest.mark.bench
@pytest.mark.parametrize(("function", "what"), [("Bare", "no import"), ("Sdk", "boto3 imported")])
def test_what_a_sandbox_adds_to_a_cold_start(function: str, what: str, figures: Figures) -> None:
    """From the spawn to the runtime's first request for an event: the walls and nothing else."""
    ready = prepared(function)
    made = plan(ready, KEY, region="us-east-1", stream="s")
    found = interleaved(
        RUNS, {"no walls": lambda: bare(made, ready), "sandbox": lambda: sandboxed(made)}, 1000
    )
    figures.add(
        "cold start, spawn to first /next",
        Row(what, "ms", found, found["sandbox"] - found["no walls"], BUDGET, RUNS),
    )


@pytest.mark.bench
@pytest.mark.parametrize(("function", "what"), [("Bare", "no import"), ("Sdk", "boto3 imported")])
def test_how_invocations_compare_with_the_emulator(
    function: str, what: str, guarded: Valves, figures: Figures
) -> None:
    """Cold: from nothing to the first answer. Warm: one event after the other in the same environment; the
    valve judges, records and freezes around each."""
    fresh, warm = guarded(reuse="never"), guarded(reuse="carry")
    environ: dict[str, str] = {}

    def cold_emulator() -> list[float]:
        began = time.perf_counter()
        peer = Emulator(APP / function.lower(), environ)
        peer.invoke({})
        taken = time.perf_counter() - began
        peer.close()
        return [taken]

    ways: dict[str, Callable[[], list[float]]] = {
        "emulator": cold_emulator,
        "valve": lambda: [seconds(fresh, function)],
    }
    found = interleaved(RUNS, ways, 1000)
    figures.add(
        "invocation", Row(f"cold, {what}", "ms", found | {"x": found["valve"] / found["emulator"]}, runs=RUNS)
    )
    with emulator(APP / function.lower(), environ) as peer:

        def warm_emulator() -> list[float]:
            began = time.perf_counter()
            peer.invoke({})
            return [time.perf_counter() - began]

        found = interleaved(
            200, {"emulator": warm_emulator, "valve": lambda: [seconds(warm, function)]}, 1000, 5
        )
    figures.add(
        "invocation", Row(f"warm, {what}", "ms", found | {"x": found["valve"] / found["emulator"]}, runs=200)
    )


def seconds(valve: Talker, function: str) -> float:
    """Return how long the valve took for one event, by its own clock."""
    done = valve.ask({"function": function, "event": {}})
    assert not done["failed"]
    taken: float = done["seconds"]
    return taken
