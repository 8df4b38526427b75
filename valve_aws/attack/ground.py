"""The ground on which hostile code is run: one cloud, the attacker's machines, and a valve for each strength.

Knows their lifetimes and the one loop that they share. Does not know what is run.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from valve_aws.attack.files import logs
from valve_aws.attack.lacking import Lacking
from valve_aws.attack.places import ATTACKERS, Cloud, Ledger
from valve_aws.attack.server import RAW, Machines
from valve_aws.backend import Moto, Seed
from valve_aws.cloud import resources
from valve_aws.flow import Judge
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.record import Record
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Mode
from valve_aws.settings import Settings
from valve_aws.valve import Valve, zygotes

T = TypeVar("T")


class Served(Protocol):
    """A cloud that listens on a loopback port."""

    port: int

    def stop(self) -> None:
        """End it."""


Start = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]], str, Path], Served]
"""(resources, seeds, region, file of all that arrives) → a cloud that holds these; as `Moto.start`."""

WEB = ("kept.test", "open.test", "hooks.test", "shop.test", "pay.test")
"""Declared hosts that are served here over HTTP."""

THEIRS = "attackers.test"
"""The attacker's own domain: every name in it leads to a machine of his."""

LIMIT = 300.0
"""Seconds for whatever is asked of the loop at once."""


class Names(dict[tuple[str, int], tuple[str, int]]):
    """What `--resolve` says, and where the names of the attacker's domain lead.

    Why they are found but not listed: a name that is listed may be an endpoint of AWS; and who looks one of
    his names up has asked his name server.
    """

    def __init__(
        self,
        told: Mapping[tuple[str, int], tuple[str, int]],
        asked: Callable[[str], None],
        ports: Mapping[int, int],
        web: int,
    ) -> None:
        super().__init__(told)
        self._asked, self._ports, self._web = asked, ports, web

    def get(self, at: tuple[str, int], default: Any = None) -> Any:
        """Return where a host and port are found."""
        host, port = at
        if not theirs(host):
            return super().get(at, default)
        self._asked(host)
        return "127.0.0.1", self._ports.get(port, self._web)


def theirs(host: str) -> bool:
    """Say whether a host is of the attacker's domain."""
    return f".{host}".endswith(f".{THEIRS}")


class Ground:
    """One stack with everything around it. `start` it, get a `valve`, `look`, `close`."""

    def __init__(
        self, home: Path, settings: Settings, stack: Stack, rules: FlowPolicy, start: Start = Moto.start
    ) -> None:
        """`home` is a folder of ours; `settings` are those of every valve, but for what differs; `start`
        starts what the cloud is."""
        self._start = start
        self._home, self._settings, self.stack, self.rules = home, settings, stack, rules
        self.said: list[str] = []
        """What the operator was shown."""
        self.ledger = Ledger()
        self._valves: dict[tuple[str, str, frozenset[str]], Valve] = {}
        self._zygotes = zygotes()
        self._loop = asyncio.new_event_loop()
        self._loop.getaddrinfo = self._asked  # type: ignore[method-assign]  # who serves names keeps a log
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._asked_for: set[asyncio.Task[Any]] = set()
        """What was asked of the loop and is under way."""

    def start(self, hosts: Sequence[str] = WEB, topics: Sequence[str] = ()) -> None:
        """Start the cloud and the machines, which answer for `hosts` and the attacker's domain.

        Raises `NotStarted`.
        """
        watched = self._home / "arrived.jsonl"
        theirs = [
            {"logical": name, "kind": kind, "name": name, "arn": "", "properties": properties}
            for kind, name, properties in ATTACKERS
        ]
        region = self.stack.region
        self._served = self._start([*resources(self.stack, ()), *theirs], (), region, watched)
        self._thread.start()
        self._machines = Machines(self.ledger.keep)
        self._hosts = tuple(hosts)
        url = f"http://127.0.0.1:{self._served.port}"
        self.cloud = Cloud(url, self.stack.account, region, self.ledger, watched, lambda: logs(self._home))
        for topic in ("attackers-news", *topics):
            self.cloud.subscribe(topic)
        self.cloud.welcome("attackers-files")

    def close(self) -> None:
        """End everything. Idempotent where `start` did not get far."""
        if self._thread.is_alive():
            self.do(self._cut())
            for valve in self._valves.values():
                self.do(valve.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._zygotes.close()
            self._machines.close()
            self._served.stop()
        self._loop.close()

    def do(self, course: Coroutine[Any, Any, T]) -> T:
        """Have the loop do something, and wait."""

        async def asked() -> T:
            task = asyncio.ensure_future(course)
            self._asked_for.add(task)
            task.add_done_callback(self._asked_for.discard)
            return await task

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(LIMIT)

    async def _cut(self) -> None:
        """End what nobody waits for any more: whoever did was interrupted."""
        under_way = self._asked_for - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def valve(
        self,
        mode: Mode,
        reuse: str,
        lacking: frozenset[str] = frozenset(),
        seeds: tuple[Seed, ...] = (),
        raw: Sequence[tuple[str, int]] = (),
    ) -> Valve:
        """Return the valve of a strength, opened; `seeds` and `raw` count when it is opened.

        `lacking`: steps of the judgement that it does without. `raw`: hosts and ports that speak no HTTP.
        """
        key = (str(mode), reuse, lacking)
        if key not in self._valves:
            name = "-".join((*key[:2], *sorted(lacking)))
            web, spoken = self._machines.http, self._machines.raw
            settings = replace(
                self._settings,
                mode=str(mode),
                backend=f"http://127.0.0.1:{self._served.port}",
                audit=self._home / f"{name}.jsonl",
                labels=self._home / f"{name}.db",
                log=self._home / f"{name}.log",
                resolve=Names(
                    {(host, 0): ("127.0.0.1", web) for host in self._hosts if not theirs(host)}
                    | {(host, 5432): ("127.0.0.1", spoken[host]) for host in RAW if not theirs(host)}
                    | {
                        a: ("127.0.0.1", self._machines.listen(f"tcp:{a[0]}"))
                        for a in raw
                        if not theirs(a[0])
                    },
                    lambda host: self.ledger.keep("dns", host),
                    {5432: spoken["db.attackers.test"]},
                    web,
                ),
                reuse=reuse,
                # Why none: such a valve serves one event or two.
                spares=0 if lacking else self._settings.spares,
            )
            judge = partial(Lacking, steps=lacking) if lacking else Judge
            told = (settings, self.stack, self.rules, seeds, self.said.append, judge)
            valve = Valve(*told, zygotes=self._zygotes)
            await valve.open()
            self._valves[key] = valve
        return self._valves[key]

    async def _asked(self, host: Any, port: Any, **_: Any) -> Any:
        """Answer a look-up of the valve's as a name server that knows nothing and keeps what it is asked."""
        self.ledger.keep("dns", str(host))
        raise OSError(f"no such name: {host}")


def recorded(valve: Valve, invocations: set[str]) -> tuple[Record, ...]:
    """Return the records of some invocations and of all that they led to."""
    found: list[Record] = []
    causes: set[str] = set()
    for record in valve.records:
        if record.invocation in invocations or record.cause in causes:
            found.append(record)
            causes.add(record.ident)
    return tuple(found)
