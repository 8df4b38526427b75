"""Two runs of one application that differ only in what carries the secret's label.

Knows how to make twins and hold them against each other. Does not know how a run goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.noninterference import timeless
from tests.noninterference.cloud import Message, Token
from tests.noninterference.house import Run, View
from tests.noninterference.worlds import BUCKETS, KEYS, OTHERS, QUEUES, SCHEMAS, TABLES, World, world
from valve_aws.aws import names
from valve_aws.flow import Judge
from valve_aws.model.cell import Cell, Part

Seeding = Callable[[Run, Judge], None]


@dataclass(frozen=True)
class Pair:
    """What both runs came to."""

    world: World
    one: View
    other: View

    @property
    def told(self) -> str:
        """Return what the outsider learned, "" if nothing."""
        ours, theirs = self.one.seen(), self.other.seen()
        return next(
            (f"{what}: {_first(ours[what], theirs[what])}" for what in ours if ours[what] != theirs[what]), ""
        )

    @property
    def parting(self) -> str:
        """Return how the outsider first came to know something, "" if he never did: by a `probe`, by being
        `woken`, or `silently`, by what no label and no probe tells."""
        ours, theirs = self.one.moments, self.other.moments
        here = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a[:4] != b[:4]), None)
        if here is None:
            here = min(len(ours), len(theirs))
        first = min(ours[here : here + 1] + theirs[here : here + 1], key=lambda m: m[0], default=None)
        if first is None:
            return "silently" if self.told else ""
        same = [each for each in ours + theirs if each[:3] == first[:3]]
        return first[4] if first[4] == "woken" or (first[4] == "probe" and len(same) == 1) else "silently"

    @property
    def parted(self) -> bool:
        """Say whether the secret changed any crossing at all."""
        return self.one.all != self.other.all


@dataclass
class Survey:
    """What many pairs came to."""

    pairs: int = 0
    parted: int = 0
    told: list[tuple[int, str]] = field(default_factory=list)
    """(number of the world, what the outsider learned)."""
    asked: set[tuple[str, str]] = field(default_factory=set)
    passed: set[tuple[str, str]] = field(default_factory=set)

    def add(self, other: Survey) -> None:
        """Take in another."""
        self.pairs, self.parted = self.pairs + other.pairs, self.parted + other.parted
        self.told += other.told
        self.asked |= other.asked
        self.passed |= other.passed


def survey(numbers: range) -> Survey:
    """Try the worlds of these numbers, sealed."""
    found = Survey()
    for number in numbers:
        pair = twins(world(number))
        told = [(number, pair.told)] if pair.told else []
        asked, passed = pair.one.asked | pair.other.asked, pair.one.passed | pair.other.passed
        found.add(Survey(1, int(pair.parted), told, asked, passed))
    return found


def _first(ours: Any, theirs: Any) -> str:
    if isinstance(ours, dict):
        at = sorted(k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k))[0]
        return f"{at}: {_first(ours.get(at, []), theirs.get(at, []))}"
    for number, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if a != b:
            return f"{number}: {a} / {b}"
    return f"{len(ours)} / {len(theirs)}: {(ours + theirs)[min(len(ours), len(theirs))]}"


def twins(played: World) -> Pair:
    """Run an application twice."""
    return Pair(played, *(timeless.run(_play(played, twin)) for twin in "01"))


async def _play(played: World, twin: str) -> View:
    run = Run(played, lambda run, judge: _seed(run, judge, twin))
    run.told = f"secret {twin}"
    return await run.play()


def _seed(run: Run, judge: Judge, twin: str) -> None:
    """Fill the stores: alike what the outsider may see; of the rest not even that it is there."""
    cloud, low = run.cloud, run.world.low
    ceiling, seed = run.world.ceiling, run.world.seed
    cells: list[tuple[Cell, Any, str]] = []
    secret = frozenset({run.world.secret})

    def there(store: str, name: str) -> str:
        """Return the content of a cell, "" when it is not to be there."""
        differs = "" if low(ceiling(store, name)) else twin
        # Why: whether a cell is there is labelled where its store is sealed; else only what it holds is.
        absent = Random(f"{seed} {store} {name} {differs if run.world.sealed else ''}").random() < 0.4
        dice = Random(f"{seed} {store} {name} {differs}")
        return "" if absent else dice.choice(("v", f"{dice.random():.3f}"))

    def know(store: str, name: str, part: Part = Part.CONTENT) -> None:
        label = judge.base(store, name, part)
        cells.append((Cell(store, name, part), label if low(ceiling(store, name)) else label | secret, ""))

    for bucket in BUCKETS:
        for key in KEYS:
            if body := there(bucket, key):
                cloud.objects[bucket][key] = {"body": body}
                know(bucket, key)
                know(bucket, key, Part.NAMES)
    for table in TABLES:
        for pk in "pq":
            attributes = {"pk": pk, **({"sk": "1"} if SCHEMAS[table].sort else {})}
            name = names.item({k: {"S": v} for k, v in attributes.items()}, SCHEMAS[table])
            if value := there(table, name):
                cloud.tables.items[table][name] = {**attributes, "a": value, "b": value}
                for part in (Part.CONTENT, Part.NAMES, Part.COUNTS):
                    know(table, name, part)
    for queue in QUEUES[:3]:
        for number in range(3):
            if body := there(queue, str(number)):
                ident = Token(f"m~{queue[-2:]}{number}")
                cloud.queues[queue].append(Message(ident, body))
                know(queue, ident)
    for store in OTHERS:
        if value := there(store, ""):
            cloud.others[store, Part.CONTENT, ""] = value
            know(store, "")
    run.book.know(cells)
