"""The program under measurement: a valve in a process of its own, told what to invoke line by line.

Knows the valve's own verbs. Does not know what is measured. One JSON line in, one out:
``{"function", "event", "trigger"}`` → ``{"seconds", "waited", "failed", "payload"}``, `waited` being seconds
until the event had its environment; ``{"ask": "cloud"}`` → ``{"port"}``; ``{"ask": "memory"}`` → ``{"now",
"peak", "cpu"}`` in KiB and seconds, and the peak starts anew; ``{"ask": "settle"}`` answers once all that is
made beside events is there; ``{"ask": "cold"}``: no zygote from now on.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from valve_aws.environments.environment import Environment
from valve_aws.environments.pool import Pool
from valve_aws.model.label import CLEAN, Label
from valve_aws.settings import Settings
from valve_aws.valve import Valve


def memory() -> dict[str, int]:
    """Return what this process has resident now and had at its peak; proc(5), `status` and `clear_refs`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines)
        if name in ("VmRSS", "VmHWM")
    }
    Path("/proc/self/clear_refs").write_text("5")
    return {"now": found["VmRSS"], "peak": found["VmHWM"], "cpu": time.process_time()}


def timed() -> list[float]:
    """Note from now on how long each event waits for its environment."""
    waited: list[float] = []
    acquire = Pool.acquire

    async def timing(pool: Pool, label: Label = CLEAN) -> Environment:
        began = time.perf_counter()
        environment = await acquire(pool, label)
        waited.append(time.perf_counter() - began)
        return environment

    Pool.acquire = timing  # type: ignore[method-assign]  # there is no other place to look from
    return waited


async def settle(valve: Valve) -> dict[str, int]:
    """Wait until nothing is being made or ended beside events."""
    housing = valve._housing
    await housing._nursery.grown()
    for pool in housing._pools.values():
        while pool._ending:
            await asyncio.wait(pool._ending)
    for spares in housing._spares.values():
        await spares.filled()
    return {"spares": sum(spares.ready for spares in housing._spares.values())}


async def serve(valve: Valve) -> None:
    """Answer each line until there are no more."""
    await valve.open()
    waited = timed()
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            told: dict[str, Any] = json.loads(line)
            match told.get("ask"):
                case "memory":
                    answer: dict[str, Any] = memory()
                case "settle":
                    answer = await settle(valve)
                case "cold":
                    valve._housing._nursery.want = lambda _: None  # type: ignore[method-assign]  # no zygote
                    answer = {}
                case "cloud":
                    answer = {"port": (await valve._cloud.endpoint()).port}
                case _:
                    began = time.perf_counter()
                    payload = json.dumps(told["event"]).encode()
                    done = await valve.invoke(told["function"], payload, told.get("trigger", ""))
                    seconds = time.perf_counter() - began
                    answer = {"seconds": seconds, "failed": done.failed, "payload": json.loads(done.payload)}
                    answer["waited"] = waited[-1]
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        await valve.close()


def main() -> None:
    """Read the settings from the first argument, as JSON."""
    told = json.loads(sys.argv[1])
    paths = {name: Path(told[name]) for name in ("template", "labels", "audit") if name in told}
    valve = Valve.read(Settings(**{**told, **paths}), lambda _: None)
    asyncio.run(serve(valve))


if __name__ == "__main__":
    main()
