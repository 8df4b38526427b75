"""A first policy for an application, each line with what it rests on (`valve init`).

Knows template and seed, and how a policy is laid out. Does not know whether its guesses are right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from valve_aws.model.source import NOWHERE, Invalid
from valve_aws.model.stack import Function, Stack
from valve_aws.policy.access import Access, wide
from valve_aws.policy.places import Place, places, secretive
from valve_aws.policy.sensitive import Sown
from valve_aws.policy.targets import destination
from valve_aws.policy.writing import flow, remark, scalar

SERVED = {
    "Api": "requestContext.authorizer.claims.sub",
    "HttpApi": "requestContext.authorizer.jwt.claims.sub",
}
"""Events whose caller gets the result → where the caller's identity stands, if Cognito or a JWT says it."""

HEADER = """\
# A first flow policy, proposed by `valve init`. It goes by names, and by contents only as far as the seed
# shows them: some labels will be missing and some wrong. Go through it, then look at it with `valve check`.
# A line such as `#Name: ...` is a suggestion; without its `#` it counts.
version: 1
mode: enforce  # `audit` refuses nothing and lists what would be refused
"""

ADDRESS = re.compile(r"(https?)://([A-Za-z0-9.-]+(?::[0-9]{1,5})?)(?:[/?#].*)?", re.DOTALL | re.ASCII)
SHOWN = 3
"""Functions or tags that one remark lists."""


def propose(stack: Stack, seeds: Iterable[Sown] = ()) -> str:
    """Return the text of a policy that `read` takes for this stack."""
    found = places(stack, seeds)
    flows = _Flows(stack, found)
    sections = (
        _labels(found),
        _stores(found, flows),
        _outside(stack),
        _functions(stack, flows),
        _events(stack),
        _results(stack, flows),
    )
    body = "\n".join("\n".join(lines) + "\n" for lines in sections if lines)
    return f"{HEADER}\n{body}\n{LOGS}"


LOGS = """\
logs:
  accepts: []
  #release: {orderId: "ORD-[0-9]{1,9}"}  # the only values that leave a labelled line
"""


class _Flows:
    """What could come where if every grant were used: the ground for suggestions."""

    def __init__(self, stack: Stack, stores: list[Place]) -> None:
        self.stack, self.access = stack, Access(stack)
        arns = [p.target for p in stores]
        self.reads = {n: [a for a in arns if self._reads(n, a)] for n in stack.functions}
        self.writes = {n: [a for a in arns if self.access.may(n, "write", a)] for n in stack.functions}
        self.held = {p.target: p.tags() for p in stores}
        self.learns: dict[str, set[str]] = {n: set() for n in stack.functions}
        self._spread()

    def _reads(self, function: str, store: str) -> bool:
        return self.access.may(function, "read", store) or function in self.access.woken.get(store, ())

    def _spread(self) -> None:
        """Let tags run along reads and writes until nothing changes."""
        reached = {arn: set(tags) for arn, tags in self.held.items()}
        before = -1
        while before != (before := sum(map(len, self.learns.values()))):
            for name in self.stack.functions:
                for arn in self.reads[name]:
                    self.learns[name] |= reached[arn]
                for arn in self.writes[name]:
                    reached[arn] |= self.learns[name]

    def brought(self, store: str) -> dict[str, list[str]]:
        """Return tag → the functions that could bring it to a store which does not hold it."""
        found: dict[str, list[str]] = {}
        for name, learnt in self.learns.items():
            for tag in sorted(learnt - self.held[store]) if store in self.writes[name] else ():
                found.setdefault(tag, []).append(name)
        return found


# What is written


def _labels(stores: list[Place]) -> list[str]:
    roots = sorted({tag.partition("/")[0] for place in stores for tag in place.tags()})
    likely = sorted({place.likely[0] for place in stores if place.likely and not place.tags()} - set(roots))
    lines = ["labels:", *(f"  {root}: {{}}" for root in roots)]
    if not roots:
        lines.append("  # Nothing was found that looks sensitive for certain. A label is declared as")
        likely = likely or ["pii"]
    return lines + [f"  #{root}: {{}}" for root in likely]


def _stores(stores: list[Place], flows: _Flows) -> list[str]:
    lines, idle = ["stores:"], []
    for place in stores:
        used = _used(place, flows)
        if used or place.tags():
            lines += [f"  # {remark(f'{place.name}, a {place.what}: {used or UNUSED}')}"]
            lines += [*_entry(place), *_suggested(place, flows)]
        else:
            idle.append(place.name)
    return lines + ([f"  # {remark(f'{UNUSED}: {_names(idle)}')}"] if idle else [])


UNUSED = "no function is granted anything on it"


def _used(place: Place, flows: _Flows) -> str:
    readers = [n for n, arns in flows.reads.items() if place.target in arns]
    writers = [n for n, arns in flows.writes.items() if place.target in arns]
    woken = flows.access.woken.get(place.target, ())
    told = [
        f"{verb} by {_names(names)}" for verb, names in (("read", readers), ("written", writers)) if names
    ]
    return ", ".join([*told, *([f"wakes {_names(woken)}"] if woken else [])])


def _names(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def _entry(place: Place) -> Iterator[str]:
    if not place.tags():
        return
    yield f"  {scalar(place.name)}:"
    if place.holds:
        yield f"    holds: {flow(place.holds)}  # {remark('; '.join(place.holds.values()))}"
    if place.attributes:
        yield "    attributes:"
        for attribute, (tag, why) in place.attributes.items():
            yield f"      {scalar(attribute)}: {flow([tag])}  # {remark(why)}"
    if place.objects:
        yield "    objects:"
        for pattern, told in place.objects.items():
            yield f"      {scalar(pattern)}: {{holds: {flow(told)}}}  # {remark('; '.join(told.values()))}"


def _suggested(place: Place, flows: _Flows) -> Iterator[str]:
    """Yield the comment that would label what the name tells of, and let in what functions may bring."""
    brought = flows.brought(place.target)
    told, why = [], []
    if place.likely and not place.tags():
        told.append(f"holds: {flow([place.likely[0]])}")
        why.append(place.likely[1])
    if brought:
        who = _names(dict.fromkeys(name for names in brought.values() for name in names))
        told.append(f"accepts: {flow(brought)}")
        why.append(f"{who} may learn that, and may write here")
    if told:
        line = ", ".join(told)
        line = f"    #{line}" if place.tags() else f"  #{scalar(place.name)}: {{{line}}}"
        yield f"{line}  # {remark('; '.join(why))}"


def _outside(stack: Stack) -> list[str]:
    """Return comments on the places outside that variables and subscriptions name."""
    found: dict[str, list[str]] = {}
    for function in stack.functions.values():
        for variable, value in function.environment.items():
            m = ADDRESS.fullmatch(value[:2048])
            if m and not m[2].lower().partition(":")[0].endswith(("amazonaws.com", "amazonaws.com.cn")):
                found.setdefault(f"{m[1]}://{m[2].lower()}/*", []).append(
                    f"{function.logical} has it in {variable}"
                )
    for delivery in stack.deliveries:
        if not delivery.target.startswith("arn:"):
            found.setdefault(delivery.target, []).append(f"{stack.title(delivery.source)} delivers to it")
    lines = []
    for target, why in found.items():
        try:
            named = destination(target, NOWHERE, {})
        except Invalid:
            continue
        lines.append(f"  #{scalar(named)}: {{accepts: []}}  # {remark('; '.join(why[:3]))}")
    return ["  # Places outside: named here they may be sent what carries no label.", *lines] if lines else []


def _functions(stack: Stack, flows: _Flows) -> list[str]:
    lines = []
    labelled = any(flows.held.values())
    for function in stack.functions.values():
        name = scalar(function.logical)
        lines += [f"  # {remark(line)}" for line in _granted(function, flows)]
        clean = labelled and not flows.learns[function.logical]
        if clean and not any(t.kind in SERVED for t in function.triggers):
            lines.append(f"  #{name}: {{clearance: []}}  # nothing labelled is within its reach")
    return ["functions:", *lines] if lines else []


def _granted(function: Function, flows: _Flows) -> Iterator[str]:
    titles = flows.stack.title
    name = function.logical
    told = [
        f"{verb} {_names(map(titles, arns))}"
        for verb, arns in (("reads", flows.reads[name]), ("writes", flows.writes[name]))
        if arns
    ]
    woken = [f"{name}.{t.name}" for t in function.triggers]
    told += [f"woken by {_names(woken)}"] if woken else []
    yield f"{name}: {'; '.join(told) or 'the template grants it no store'}"
    loose = list(dict.fromkeys(s.why or "a statement" for s in wide(function)))
    if function.unmanaged_role:
        yield "  its role is not in the template, so everything counts as granted; `writes: [...]` narrows it"
    elif loose:
        yield f"  {_names(loose)}: all that its services allow counts as granted; `writes: [...]` narrows it"
    for variable in function.environment:
        guess = secretive(variable)
        if guess is not None:
            yield f"  the variable {variable} is {guess.why}: no line labels a variable; keep it as a secret"


def _events(stack: Stack) -> list[str]:
    """Return suggestions for events that come from no store whose labels they would bring."""
    lines = []
    for function in stack.functions.values():
        for trigger in function.triggers:
            event = scalar(f"{function.logical}.{trigger.name}")
            if trigger.kind in SERVED:
                label = f"user/{{{SERVED[trigger.kind]}}}"
                lines.append(
                    f"  #{event}: {{label: {flow([label])}}}  # whose request it is, if it is authorized"
                )
            elif not trigger.source and trigger.kind not in SILENT:
                lines.append(f"  #{event}: {{label: []}}  # {remark(trigger.kind)}")
    return ["events:", *lines] if lines else []


SILENT = frozenset({"Schedule", "ScheduleV2"})


def _results(stack: Stack, flows: _Flows) -> list[str]:
    lines = ["results:", "  default: {accepts: []}"]
    for function in stack.functions.values():
        learnt = sorted(flows.learns[function.logical])
        for trigger in function.triggers:
            if trigger.kind in SERVED and learnt:
                event = scalar(f"{function.logical}.{trigger.name}")
                lines.append(
                    f"  #{event}: {{accepts: {flow(learnt)}}}  # it may learn that, and answers its caller"
                )
    return lines
