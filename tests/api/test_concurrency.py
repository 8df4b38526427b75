"""Many callers at once: none is lost, none is let in beyond a limit, and what is killed harms nobody else.

Knows how much is asked at once. Does not measure speed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import CODE, Town
from tests.house.source import ROOT

SECONDS = float(os.environ.get("VALVE_STORM_SECONDS", "60"))
"""How long the storm lasts; the figures of ten minutes are in docs/BENCHMARKS.md."""


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_as_many_are_served_at_once_as_are_reserved_and_the_others_are_throttled(
    town: Town, client: Any, limit: int
) -> None:
    client.put_function_concurrency(FunctionName="echo", ReservedConcurrentExecutions=limit)
    together = threading.Barrier(20)

    def call(_: int) -> str:
        together.wait()
        try:
            answer = client.invoke(FunctionName="echo", Payload=b'{"sleep": 1}')
        except ClientError as refused:
            told = refused.response
            assert told["ResponseMetadata"]["HTTPStatusCode"] == 429
            return str(told["Reason"])
        return str(answer["StatusCode"])

    try:
        with ThreadPoolExecutor(20) as callers:
            ended = Counter(callers.map(call, range(20)))
    finally:
        client.delete_function_concurrency(FunctionName="echo")
    wanted = {"200": limit, "ReservedFunctionConcurrentInvocationLimitExceeded": 20 - limit}
    assert ended == Counter(wanted)
    assert client.invoke(FunctionName="echo")["StatusCode"] == 200


def test_an_environment_that_is_killed_in_the_middle_is_told_to_its_caller_alone(
    town: Town, client: Any
) -> None:
    def call(n: int) -> Any:
        return json.load(
            client.invoke(FunctionName="echo", Payload=json.dumps({"sleep": 2, "n": n}))["Payload"]
        )

    with ThreadPoolExecutor(4) as callers:
        running = [callers.submit(call, n) for n in range(4)]
        victim = town.loop.wait(_one_at_work(town))
        victim.kill()
        ended = [each.result() for each in running]
    broken = [each for each in ended if "errorType" in each]
    assert [each["errorType"] for each in broken] == ["Runtime.ExitError"]
    assert broken[0]["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert sorted(each["n"] for each in ended if "n" in each) == sorted({0, 1, 2, 3} - {_lost(ended)})
    assert call(9)["n"] == 9


def _lost(ended: list[Any]) -> int:
    return next(iter({0, 1, 2, 3} - {each.get("n") for each in ended}))


async def _one_at_work(town: Town) -> Any:
    """Return the jail of an environment that serves an event, once four do."""
    import asyncio

    while True:
        found = [
            environment
            for (name, _), pool in town.valve._housing._pools.items()
            if name == "Echo"
            for environment in pool._meant
            if environment not in pool._idle and environment.jail
        ]
        if len(found) == 4:
            return found[0].jail
        await asyncio.sleep(0.01)


@pytest.mark.slow
def test_a_storm_of_callers_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as (valve, url):
        client = Town.client_of(url)
        failed, memory = list[str](), list[int]()
        ends = time.monotonic() + SECONDS

        def call(n: int) -> int:
            done = 0
            while time.monotonic() < ends:
                said = {"n": n, "done": done, "sleep": 0.02}
                answer = client.invoke(FunctionName=f"echo{n % 4}", Payload=json.dumps(said))
                if json.load(answer["Payload"]) != said:
                    failed.append(str(said))
                done += 1
            return done

        with ThreadPoolExecutor(65) as callers:
            running = [callers.submit(call, n) for n in range(64)]
            while time.monotonic() < ends:
                time.sleep(SECONDS / 20)
                memory.append(resident(valve.pid))
            done = [each.result() for each in running]
        assert not failed
        assert min(done) > 0
        told = f"{sum(done)} invocations in {SECONDS:.0f} s; MiB: {[m >> 20 for m in memory]}"
        (tmp_path / "storm").write_text(told)
        # Why from the middle on: until then environments are made and packages prepared.
        assert max(memory[-5:]) < max(memory[8:12]) * 1.1 + (4 << 20)
        assert len(jails(valve.pid)) <= 4 * 4 * 3
    assert not jails(valve.pid)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `valve local start-lambda` with four functions of four environments each, in a process of its "
    "own."""
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text(CODE)
    echo = (
        "{Type: AWS::Serverless::Function, Properties: {FunctionName: echo%d, Runtime: python3.11, "
        "Handler: app.handler, CodeUri: src, Timeout: 60}}"
    )
    functions = "\n".join(f"  Echo{n}: {echo % n}" for n in range(4))
    (folder / "template.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{functions}\n")
    command = (sys.executable, "-m", "valve_aws.cli", "local", "start-lambda", "-p", "0", "--at-once", "4")
    log = (folder / "err").open("w+")
    valve = subprocess.Popen(
        command, cwd=folder, stderr=log, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        while "is at " not in (said := (folder / "err").read_text()):
            assert valve.poll() is None, said
            time.sleep(0.05)
        yield valve, said.partition("is at ")[2].partition(";")[0]
    finally:
        valve.send_signal(signal.SIGINT)
        assert valve.wait(30) == 0, (folder / "err").read_text()[-2000:]
        log.close()


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def jails(pid: int) -> list[int]:
    """Return the children of a process, which for a valve are its sandboxes' and zygotes'."""
    with contextlib.suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
