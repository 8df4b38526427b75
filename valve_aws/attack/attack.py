"""One class of attack as a row: what it calls, which rule refuses that, and where its loot shows.

Knows the words of the table. Does not know how an attack is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from valve_aws.model.verdict import Rule

EVERY_WAY = ("sdk", "aged", "signed", "socket", "child", "thread", "later")
"""Current boto3, one of 2019, signed by hand, raw sockets, a child process, a thread, after the return."""

LAST = {"A": 30, "B": 8, "C": 5, "D": 9, "E": 8, "F": 10}
"""Letter → the number of its last class (docs/THREATS.md)."""

IDENTS = tuple(f"{letter}{n:02}" for letter, last in LAST.items() for n in range(1, last + 1))
"""All classes of attack, in order."""

TWO_WAYS = ("sdk", "signed")

STEPS = {
    Rule.CREDENTIAL: "credential",
    Rule.HELD: "held",
    Rule.PERIMETER: "perimeter",
    Rule.HOST: "host",
    Rule.WITH: "with",
    Rule.UNKNOWN: "unknown",
    Rule.CONFIGURE: "configure",
    Rule.GRANT: "granted",
    Rule.WRITES: "narrowed",
    Rule.INVOKES: "narrowed",
    Rule.FROM: "from",
    Rule.CLEARANCE: "clearance",
    Rule.BOOK: "book",
    Rule.FIELD: "fields",
    Rule.ONLY_TO: "only-to",
    Rule.ACCEPTS: "accepts",
    Rule.RESULT: "result",
    Rule.LOG: "log",
}
"""Rule → the step of the judgement that speaks for it (`flow.judge`)."""


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out that an attack takes, and how it must end."""

    call: str
    """`service:Operation` of the record; `valve:Visit`, `valve:Connect`, `valve:Result`, `valve:Log`."""
    rule: Rule
    """Why it is refused."""
    loot: str
    """The place where it is found when nothing guards (`places.py`); `x:name` as `s3:attackers-files`."""
    beside: tuple[Rule, ...] = ()
    """Rules that refuse it as well, so that it leaves only when they are gone too."""
    part: str = "attack"
    """The function of the kit's code that takes it; each part starts from an environment of its own."""
    liftable: bool = True
    """False: no step of the judgement stops it but something below (the wire, the walls)."""

    @property
    def lifted(self) -> tuple[str, ...]:
        """The steps without which it leaves; none when no step stops it."""
        rules = (self.rule, *self.beside)
        return tuple(dict.fromkeys(STEPS[rule] for rule in rules)) if self.liftable else ()


@dataclass(frozen=True, slots=True)
class Attack:
    """One class of attack. `ident` names its file in the kit's code and its test."""

    ident: str
    title: str
    exits: tuple[Exit, ...]
    honest: tuple[str, ...]
    """Places where the twin's own effect must be seen."""
    ways: tuple[str, ...] = TWO_WAYS
    function: str = "Hostile"
    trigger: str = ""
    """`Function.Event` when it comes through a trigger."""
    alone: bool = False
    """Its ways are tried one after the other, since each would undo what the one before has set."""
    seeds: tuple[str, ...] = ()
    """Places where the trial's secret lies beside the vault: `s3:vault-files`, `dynamodb:ledger`."""

    @property
    def parts(self) -> tuple[str, ...]:
        """All parts of the attack, each once."""
        return tuple(dict.fromkeys(exit.part for exit in self.exits))

    def by(self, part: str) -> tuple[Exit, ...]:
        """Return the exits that a part takes."""
        return tuple(exit for exit in self.exits if exit.part == part)

    @property
    def places(self) -> frozenset[str]:
        """All places that tell of it."""
        return frozenset(chain((exit.loot for exit in self.exits), self.honest))


def by_ident(rows: Iterable[Attack]) -> dict[str, Attack]:
    """Return rows by their id. Raises ValueError when two have the same."""
    found: dict[str, Attack] = {}
    for row in rows:
        if row.ident in found:
            raise ValueError(f"two attacks are called `{row.ident}`")
        found[row.ident] = row
    return found


def liftings(attack: Attack) -> Iterator[tuple[tuple[str, ...], tuple[Exit, ...]]]:
    """Give each set of steps that an attack's exits fall with, and those exits."""
    for steps in dict.fromkeys(exit.lifted for exit in attack.exits):
        if steps:
            yield steps, tuple(exit for exit in attack.exits if exit.lifted == steps)
