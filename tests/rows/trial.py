"""The engine: carry one call out in a world as it is, and again with other things in it, and compare.

Knows what it means that an answer or an effect depends on a cell. Does not know any service.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from tests.rows.cloud import PLACE
from tests.rows.worlds import Edit, State, World
from valve_aws.aws import effects
from valve_aws.aws.rows.row import Asked, Row
from valve_aws.model.call import Effect
from valve_aws.model.cell import Cell, Extent, Part, Span

ABSENT = "(absent)"
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One call: where, what is asked, the error code it is meant to end with, and whether its row says that
    it is blind.
    """

    world: str
    service: str
    operation: str
    title: str
    params: Callable[[Any], Params]
    blind: bool = False
    fails: str = ""

    def __str__(self) -> str:
        return f"{self.operation}: {self.title}"


@dataclass(frozen=True)
class Outcome:
    """What one run showed and did. `changed`: the cells that are different from before."""

    reply: str
    code: str
    before: State
    after: State
    changed: frozenset[Cell]


CLOCKS = frozenset(
    {
        "RequestId",
        "HostId",
        "HTTPHeaders",
        "RetryAttempts",
        "MaxAttemptsReached",
        "LastModified",
        "VersionId",
        "Initiated",
        "ReceiptHandle",
        "SequenceNumber",
        "UploadId",
        "CopySourceVersionId",
        "AbortDate",
    }
)
"""Members of replies that are random or a clock's in every run. A FIFO sequence number is one at moto."""


def run(world: World, case: Case, edits: Sequence[Edit] = ()) -> Outcome:
    """Carry the call out on the world as its plan says, but for `edits`."""
    before = world.start(edits)
    params = case.params(world)
    try:
        reply: Any = world.client._make_api_call(case.operation, dict(params))
        code = ""
    except ClientError as error:
        reply = error.response
        code = reply["Error"].get("Code", "")
    text = world.named(json.dumps(_shown(reply), sort_keys=True, default=str))
    after = world.look()
    changed = frozenset(
        c for c in before.keys() | after.keys() if before.get(c, ABSENT) != after.get(c, ABSENT)
    )
    return Outcome(text, code, before, after, changed)


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _shown(v) for k, v in value.items() if k not in CLOCKS}
    if isinstance(value, list | tuple):
        return [_shown(v) for v in value]
    return value.read().decode("latin-1") if hasattr(value, "read") else value


def judged(world: World, case: Case, row: Row | None = None) -> Effect:
    """Return the effect that the case's row (or a mutant of it) declares, with what is random replaced."""
    params = {k: v for k, v in case.params(world).items() if k != "Body"}
    service = effects.table(case.service)
    row = row or next(r for r in service.rows if r.operation == case.operation)
    found = effects.compile_row(row, service)(Asked(case.operation, params, PLACE, world.tables)).effect
    consults, reveals, changes = (
        tuple(replace(e, name=world.named(e.name)) for e in extents)
        for extents in (found.consults, found.reveals, found.changes)
    )
    return replace(found, consults=consults, reveals=reveals, changes=changes)


class Trials:
    """The runs of all cases, each made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[Case, tuple[str, ...]], Outcome] = {}

    def run(self, world: World, case: Case, edits: Sequence[Edit] = ()) -> Outcome:
        """Return what the case does with `edits` made."""
        at = case, tuple(e.name for e in edits)
        if at not in self._made:
            self._made[at] = run(world, case, edits)
        return self._made[at]

    def faults(self, world: World, case: Case, row: Row | None = None) -> Iterator[str]:
        """Try the case; give every way in which what moto showed is more than the row declares.

        Whatever the row does not declare is made different at once: content, then what goes, then what comes.
        Only if that makes a difference is each thing tried alone, to say which it was.
        """
        base = self.run(world, case)
        assert base.code == case.fails, f"{case} ended with {base.code or 'success'}: {base.reply}"
        effect = judged(world, case, row)
        for cell in sorted(base.changed, key=str):
            if not covered(cell, effect.changes, cell not in base.before):
                yield f"changed {cell.part} of {cell}, which is not in `changes`"
        for says, declared, differs in (
            ("the reply depends on", effect.reveals, _answers),
            ("what is written depends on", (*effect.reveals, *effect.consults), _writes),
        ):
            for kind in ("content", "goes", "comes"):
                group = [
                    e
                    for e in world.edits()
                    if e.kind == kind and not any(covered(c, declared) for c in e.cells)
                ]
                if group and differs(base, self.run(world, case, group)):
                    yield f"{says} what the row does not declare"
                    yield from (
                        f"{says}: {e.name}" for e in group if differs(base, self.run(world, case, [e]))
                    )


def _answers(base: Outcome, other: Outcome) -> bool:
    return base.reply != other.reply


def _writes(base: Outcome, other: Outcome) -> bool:
    """What both runs left as they found it says nothing; what either changed must have come out the same."""
    touched = {c for c in base.changed | other.changed if c.part is not Part.COUNTS}
    return any(base.after.get(c, ABSENT) != other.after.get(c, ABSENT) for c in touched)


def covered(cell: Cell, extents: Iterable[Extent], fresh: bool = False) -> bool:
    """Say whether some extent has the cell. `fresh`: it was not there before, so `NEW` has it too."""
    return any(_covers(e, cell, fresh) for e in extents)


def _covers(e: Extent, cell: Cell, fresh: bool) -> bool:
    if e.store != cell.store or e.part is not cell.part:
        return False
    if cell.attribute and e.attributes is not None and cell.attribute not in e.attributes:
        return False
    match e.span:
        case Span.ALL:
            return True
        case Span.PREFIX:
            return cell.name.startswith(e.name)
        case Span.ONE:
            return cell.name == e.name
        case Span.NEW:
            return fresh
    return False
