"""`valve attack`: the kit's own attacks on this host, or stand-ins in somebody's own template; one report.

Knows which of both is asked for. Does not know how a report is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from valve_aws import sandbox
from valve_aws.attack.attack import IDENTS, Attack
from valve_aws.attack.finding import Finding, Report, State
from valve_aws.attack.stage import Outcome, Stage
from valve_aws.attack.standin import FAMILIES, StandIns
from valve_aws.attack.table import ATTACKS
from valve_aws.model.plural import counted
from valve_aws.model.source import Invalid, Where
from valve_aws.model.verdict import Mode
from valve_aws.settings import Settings

Say = Callable[[str], None]


def listing() -> str:
    """Return what can be tried, one line each."""
    own = [f"  {row.ident.upper()}  {row.title}  ({', '.join(row.ways)})" for row in ATTACKS.values()]
    theirs = [f"  {name:<10} {text}" for name, text in FAMILIES.items()]
    return "\n".join(
        ["classes of attack, tried on this host:", *own, "", "ways out, tried with `-t`:", *theirs]
    )


def chosen(written: str, names: Iterable[str], what: str, others: Mapping[str, str]) -> frozenset[str]:
    """Read `--only`: names or beginnings of names, separated by commas. Raises `Invalid`.

    `others` are names that mean something elsewhere → what to do then.
    """
    known = list(names)
    found: set[str] = set()
    for word in filter(None, (w.strip().lower() for w in written.split(","))):
        fitting = {name for name in known if name.startswith(word)}
        if not fitting:
            near = get_close_matches(word, known, 1)
            hint = f"did you mean `{near[0]}`" if near else "see `valve attack --list`"
            hint = next((told for name, told in others.items() if name.startswith(word)), hint)
            raise Invalid(Where("--only"), f"there is no {what} `{word}`", hint)
        found |= fitting
    return frozenset(found)


def on_host(home: Path, only: str, say: Say) -> Report:
    """Try the kit's attacks on this host. Raises `Invalid`, `NotStarted`, `SandboxError`."""
    wanted = chosen(only, ATTACKS, "class of attack", dict.fromkeys(FAMILIES, "add `-t template.yaml`"))
    rows = [row for name, row in ATTACKS.items() if not wanted or name in wanted]
    stage = Stage(home)
    stage.start()
    try:
        findings = tuple(_tried(stage, rows, say))
    finally:
        stage.close()
    broken = any(f.state in {State.UNSHOWN, State.OVERDONE} for f in findings)
    rules = {row.ident.upper(): row.title for row in rows}
    return Report(findings, rules, lacking(), tuple(_left_out(rows, bool(wanted))), broken)


def on_template(home: Path, told: Settings, only: str, say: Say) -> Report:
    """Try every way out from within each function of a template. Raises as `on_host` does."""
    wanted = chosen(only, FAMILIES, "way out", dict.fromkeys(ATTACKS, "leave out `-t`"))
    attack = StandIns(home, told, wanted, say)
    findings = tuple(attack.run())
    unread = [f"{f.logical} runs `{f.runtime or f.package}`: not tried" for f in attack.others]
    spoken = {f.function for f in findings}
    unread += [
        f"{f.logical} gets hold of nothing labelled" for f in attack.functions if f.logical not in spoken
    ]
    broken = bool(findings) and all(f.state is State.UNSHOWN for f in findings)
    return Report(findings, FAMILIES, lacking(), tuple(unread), broken)


def lacking() -> tuple[str, ...]:
    """Return what this host cannot enforce, in the words of `valve doctor`."""
    return tuple(f"{what}: {meaning}" for what, holds, meaning in sandbox.strength().checks if not holds)


def _left_out(rows: Sequence[Attack], some: bool) -> Iterator[str]:
    """Say what this command does not try, so that nobody takes it for held."""
    if any("aged" in row.ways for row in rows):
        yield "the way of delivery `aged`, which needs an SDK of 2019 that the kit does not carry"
    others = [name for name in IDENTS if name.lower() not in ATTACKS]
    if others and not some:
        yield f"{', '.join(others)}: classes that need a scenario of their own (docs/THREATS.md)"


def _tried(stage: Stage, rows: Sequence[Attack], say: Say) -> Iterator[Finding]:
    for number, row in enumerate(rows, 1):
        finding = _one(stage, row)
        say(f"valve: {number}/{len(rows)} {row.ident.upper()} {finding.state}")
        yield finding


def _one(stage: Stage, row: Attack) -> Finding:
    """Try one class: leak first, then enforced, then its twin; the worst of what was seen counts."""
    name, calls = row.ident.upper(), ", ".join(dict.fromkeys(e.call for e in row.exits))
    for outcome in stage.run(row, "attack", Mode.OFF):
        taken = row.by(outcome.trial.part)
        missing = [e.call for e in taken if not stage.found(e.loot, outcome.trial)]
        if missing:
            text = f"{', '.join(missing)}, {outcome.trial.name}: does not leak with the guard off either"
            return Finding(name, row.title, State.UNSHOWN, text)
    outcomes = stage.run(row, "attack", Mode.ENFORCE)
    for outcome in outcomes:
        leaks = stage.leaks(outcome.trial, *(e.loot for e in row.by(outcome.trial.part)))
        if leaks:
            text = f"{outcome.trial.name}: found at {', '.join(leaks)}"
            return Finding(name, row.title, State.OUT, text)
        # Why: that nothing came may have another cause, and then says nothing of the guard.
        other = [e.call for e in row.by(outcome.trial.part) if not outcome.refused(e.call, e.rule)]
        if other:
            these = ", ".join(other)
            text = f"{these}, {outcome.trial.name}: not refused for its rule, though it did not arrive"
            return Finding(name, row.title, State.UNSHOWN, text)
    for outcome in stage.run(row, "twin", Mode.ENFORCE):
        if outcome.refusals or not all(stage.found(place, outcome.trial) for place in row.honest):
            text = f"its honest {outcome.trial.name}: {_why(outcome)}"
            return Finding(name, row.title, State.OVERDONE, text)
    rules = ", ".join(dict.fromkeys(str(e.rule) for e in row.exits))
    tried = counted(len(outcomes), "environment")
    return Finding(name, row.title, State.HELD, f"{calls}: {rules}; tried in {tried}")


def _why(outcome: Outcome) -> str:
    reasons = [reason.text for record in outcome.refusals for reason in record.reasons]
    return "; ".join(dict.fromkeys(reasons)) or "it did not arrive"
