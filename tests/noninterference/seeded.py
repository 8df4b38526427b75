"""Faults, seeded one at a time: laws that are gone, and steps of the assembly that forget the label.

Knows where each is made. Does not know how it is found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from valve_aws.course import carry
from valve_aws.environments import pool
from valve_aws.flow import admission, ceilings, judge, releases
from valve_aws.flow.ceilings import Bound
from valve_aws.model.cell import Part
from valve_aws.model.label import CLEAN
from valve_aws.model.verdict import Verdict
from valve_aws.running import housing, invoking
from valve_aws.waking import queues as waking

Patch = tuple[Any, str, Any]
"""(owner, attribute, what it is replaced by)."""


def without(table: str, step: str) -> Patch:
    """A table of the judgement without one of its steps."""
    steps = getattr(judge, table)
    kept = tuple(each for each in steps if each.name != step)
    assert len(kept) == len(steps) - 1
    return judge, table, kept


def instead(owner: Any, name: str, changed: Callable[[Any], Any]) -> Patch:
    """One function replaced by what `changed` makes of it."""
    return owner, name, changed(getattr(owner, name))


def _blind(plan: Any) -> Any:
    def planned(call: Any, *others: Any) -> Any:
        bare = replace(call.effect, blind=True, reveals=() if call.effect.changes else call.effect.reveals)
        return replace(plan(replace(call, effect=bare), *others), call=call)

    return planned


def _unsealed(gather: Any) -> Any:
    return lambda self, extent: gather(self, extent) if not self.store(extent.store).rule.sealed else Bound()


def _only(*parts: Part) -> Callable[[Any], Any]:
    return lambda floor: lambda self, extent: Bound() if extent.part in parts else floor(self, extent)


def _forgets(run: Any) -> Any:
    async def clean(self: Any, *given: Any) -> Any:
        return replace(await run(self, *given), label=CLEAN, ways=())

    return clean


def _handed_on(invoked: Any) -> Any:
    async def clean(self: Any, arn: Any, payload: Any, waits: Any, label: Any, ways: Any, *more: Any) -> Any:
        return await invoked(self, arn, payload, waits, CLEAN, (), *more)

    return clean


def _fresh_label(make: Any) -> Any:
    async def acquire(self: Any, label: Any = CLEAN) -> Any:
        environment = await make(self, label)
        environment.subject.label = CLEAN
        return environment

    return acquire


def _passing(outcome: Any) -> Any:
    def told(court: Any, subject: Any, *others: Any) -> Any:
        return outcome(court, replace(subject, label=CLEAN), *others)

    return told


def _never_again(_: Any) -> Any:
    def again(*_: Any) -> Any:
        return
        yield

    return again


def _by_size(may_serve: Any) -> Any:
    def fitting(self: Any, environment: Any, label: Any) -> bool:
        return pool.fits(environment.subject.label, label | environment.baseline)

    return fitting


def _half(reads: Any) -> Any:
    """Only the content of what a reply depends on joins: names and figures do not."""

    def content(rules: Any, case: Any) -> Any:
        kept = tuple(e for e in case.plan.reads if e.part is Part.CONTENT)
        whole, case.plan = case.plan, replace(case.plan, reads=kept)
        found = reads(rules, case)
        case.plan = whole
        return found

    return content


def _unlabelled(init: Any) -> Any:
    return lambda self, environment, function, *_, **more: init(self, environment, function, **more)


def _table(table: str, step: str, changed: Callable[[Any], Any]) -> Patch:
    return (
        judge,
        table,
        tuple(replace(s, act=changed(s.act)) if s.name == step else s for s in getattr(judge, table)),
    )


FAULTS: dict[str, Patch] = {
    "what is read does not join": without("FLOWS", "reads"),
    "names and figures do not join": _table("FLOWS", "reads", _half),
    "no ceiling is asked": without("FLOWS", "accepts"),
    "nobody follows the deliveries": without("FLOWS", "delivered"),
    "every write tells nothing": instead(judge, "plan", _blind),
    "a sealed store looks like what is in it": instead(ceilings.Ceilings, "_floor", _unsealed),
    "the names of a sealed store are clean": instead(ceilings.Ceilings, "_floor", _only(Part.NAMES)),
    "figures and settings of a sealed store are clean": instead(
        ceilings.Ceilings, "_floor", _only(Part.COUNTS, Part.CONFIG)
    ),
    "a call under way is not decided again": instead(carry, "_again", _never_again),
    "the event's label does not join": (
        admission,
        "ADMISSION",
        tuple(s for s in admission.ADMISSION if s[0] != "events"),
    ),
    "what is handed over has no label": instead(invoking.Invoking, "for_function", _handed_on),
    "what comes back has no label": instead(invoking.Invoking, "_inner", _forgets),
    "results are free": instead(releases.Releases, "result", lambda _: lambda *_: Verdict(True)),
    "log lines are free": instead(
        releases.Releases, "log", lambda _: lambda _, __, line: (Verdict(True), line)
    ),
    "the platform's lines are free": instead(carry.Court, "logs", lambda _: lambda *_: True),
    "how an event ended is free": instead(waking, "outcome", _passing),
    "a warm environment forgets": instead(pool.Pool, "acquire", _fresh_label),
    "a warm environment serves whatever it knows": instead(
        pool.Pool, "_may_serve", lambda _: lambda *_: True
    ),
    "a warm environment serves another label": instead(pool.Pool, "_may_serve", _by_size),
    "an init is nobody's doing": instead(housing.Subject, "__init__", _unlabelled),
}
"""What is wrong → where it is made wrong."""
