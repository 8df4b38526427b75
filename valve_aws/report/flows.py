"""Questions about where data went, answered from the records of one run.

Knows what counts as a flow, an attempt and a refusal, and how an answer is told. Does not know who asks, nor
how a verdict was reached.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from valve_aws.model.label import CLEAN, Label, join, within
from valve_aws.model.pattern import unify
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.record import Record
from valve_aws.model.safe import plain
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Rule
from valve_aws.report.refusal import crossed, headline, refusal
from valve_aws.report.words import short, tags

RESULTS, LOGS = "results", "logs"
"""The two ways out of an environment that are no stores, by their words in a policy."""

WAYS_OUT = {RESULTS: "Result", LOGS: "Log"}

INWARD = frozenset({Rule.CLEARANCE})
"""Rules that stop what comes in: what they name was on its way to the function, not from it."""

NO_CALLS = frozenset({"Admit", "Result", "Log", "Outcome", "Recovered", "Presign"})

HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+", re.ASCII)

SHOWN = 3
"""Flows that a message draws; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something may go, as a test names it."""

    written: str
    store: str = ""
    """A store's or function's ARN, or a destination as a policy writes it."""
    host: str = ""
    function: str = ""
    """Logical id."""
    way: str = ""
    """The operation of a way out that is no store (`Result`, `Log`)."""

    def among(self, targets: Iterable[str]) -> bool:
        """Say whether one of these (ARNs, cells, URLs) lies there."""
        if self.host:
            return any(host_of(target) == self.host for target in targets)
        if "*" in self.store or "{" in self.store:
            # Why also with more behind it: a record names cells, a pattern may be of their stores.
            wanted = (self.store, f"{self.store}/*")
            return any(unify(pattern, target) is not None for target in targets for pattern in wanted)
        return any(target == self.store or target.startswith(f"{self.store}/") for target in targets)

    @property
    def beyond(self) -> bool:
        """Say whether it is not of AWS: another host."""
        return bool(self.host) or "://" in self.store


def host_of(target: str) -> str:
    """Return the host that a target is at (`https://…`, `tcp://…`, `dns:…`), "" for what is AWS's."""
    if target.startswith("dns:"):
        return target.removeprefix("dns:").rstrip(".").lower()
    return (urlsplit(target).hostname or "") if "://" in target else ""


def own(record: Record) -> bool:
    """Say whether a record is of something that the operator did: he has no environment."""
    return not record.environment


def is_call(record: Record) -> bool:
    """Say whether a record is of something that a function's code asked for."""
    return not own(record) and record.operation not in NO_CALLS


def action(record: Record) -> str:
    """Return what a call was, without its target: `sqs:SendMessage`, or the host that it went to."""
    if record.service == "valve" and record.resources:
        return host_of(record.resources[0]) or record.operation
    return f"{record.service}:{record.operation}"


@dataclass(frozen=True, slots=True)
class Line:
    """A log line of a labelled environment that went into log stores whole: no record speaks of it."""

    function: str
    """Logical id."""
    label: Label
    text: str


@dataclass(frozen=True, slots=True)
class Flows:
    """The records of one run, and what is needed to name things as people do."""

    records: Sequence[Record]
    stack: Stack
    policy: FlowPolicy
    root: str = ""
    """A folder from which on files are named in answers."""
    lines: Sequence[Line] = ()
    """Log lines that were let through, which no record speaks of."""
    learned: Sequence[Mapping[str, Label]] = ()
    """Of each guard: function → what its environments knew when their events ended. What the answer of
    another one brings last has no record."""
    dropped: int = 0
    """Records of this run that are not kept any more."""
    inside: bool = False
    """Functions ran in this process, where neither log lines nor requests to other hosts are seen."""

    # Names

    def title(self, resource: str) -> str:
        """Return what to call a resource in front of people."""
        return plain(self.stack.title(resource)) if self.stack.store(resource) else short(resource)

    def place(self, written: str) -> Place:
        """Read a destination: a logical id, a physical name, an ARN, a host, a policy's own pattern,
        `results`, `logs`. Raises `Invalid` for a name that nothing has."""
        if written in WAYS_OUT:
            return Place(written, way=WAYS_OUT[written])
        for function in self.stack.functions.values():
            if written in {function.logical, function.name, function.arn}:
                return Place(written, store=function.arn, function=function.logical)
        for resource in self.stack.resources.values():
            if resource.arn and written in {resource.logical, resource.name, resource.arn}:
                return Place(written, store=resource.arn)
        for rule in self.policy.stores:
            if written and written in {rule.target, rule.written}:
                return Place(written, store=rule.target)
        if written.startswith("arn:"):
            return Place(written, store=written)
        known = set(self._hosts())
        names = [*self._names(), *known]
        # Why as it is written, and unlike any name: `Customers.email` and `order.fifo` are no hosts.
        host, like = (host_of(written), known) if "://" in written else (written, names)
        new = HOST.fullmatch(host) and not difflib.get_close_matches(host, like, 1, 0.85)
        if new or host.lower() in known:
            return Place(written, host=host.lower())
        raise unknown("nothing is called", written, names)

    def tag(self, written: str) -> str:
        """Check a tag. Raises `Invalid` for one that the policy does not declare."""
        declared = set(self.policy.tags)
        seen = join(*(r.label | r.writes | r.joined for r in self.records))
        if any(within(written, tag) or within(tag, written) for tag in declared | seen):
            return written
        raise unknown("the policy declares no label", written, declared)

    def function(self, written: str) -> str:
        """Return the logical id of a function. Raises `Invalid`."""
        for function in self.stack.functions.values():
            if written in {function.logical, function.name, function.arn}:
                return function.logical
        raise unknown("the template has no function", written, self.stack.functions)

    def _names(self) -> Iterator[str]:
        for logical, resource in self.stack.resources.items():
            yield from (logical, resource.name)
        for logical, function in self.stack.functions.items():
            yield from (logical, function.name)
        yield from WAYS_OUT

    def _hosts(self) -> Iterator[str]:
        targets = [*(rule.target for rule in self.policy.stores)]
        targets += [resource for record in self.records for resource in record.resources]
        yield from filter(None, map(host_of, targets))

    # Questions

    def carried(self, tag: str) -> bool:
        """Say whether any function had to do with a tag: by its event, by a cell that it looked at."""
        return any(self.brought(tag, function) for known in self.learned for function in known) or any(
            within(each, tag)
            for r in self.records
            if not own(r)
            for each in join(r.label, r.writes, r.joined, *(reason.excess for reason in r.reasons))
        )

    def reached(self, tag: str, to: Place | None = None) -> list[Record]:
        """Return every crossing that took a tag there, or would have, had it not been stopped."""
        return [r for r in self.records if not own(r) and _reaches(r, tag, to)]

    def brought(self, tag: str, function: str) -> bool:
        """Say whether a function (logical id) knew a tag when an event of its ended."""
        return any(within(each, tag) for known in self.learned for each in known.get(function, CLEAN))

    def logged(self, tag: str) -> list[Line]:
        """Return the lines that took a tag into log stores."""
        return [line for line in self.lines if any(within(each, tag) for each in line.label)]

    def refusals(
        self, function: str = "", call: str = "", to: Place | None = None, tag: str = "", rule: str = ""
    ) -> list[Record]:
        """Return the refusals that fit; what audit would have refused among them."""
        return [
            r
            for r in self.records
            if r.verdict == "refuse"
            and not own(r)
            and function in {"", r.function}
            and call in {"", action(r), r.operation}
            and (to is None or _towards(r, to))
            and (not tag or any(within(each, tag) for each in _taken(r)))
            and (not rule or any(reason.rule == rule for reason in r.reasons))
        ]

    def strangers(self, function: str, allowed: Collection[str]) -> list[Record]:
        """Return a function's calls, attempts too, that none of `allowed` names: `sqs:SendMessage`,
        `sqs:SendMessage Jobs`, a host."""
        return [
            r for r in self.records if r.function == function and is_call(r) and not self._named(r, allowed)
        ]

    def _named(self, record: Record, allowed: Collection[str]) -> bool:
        for each in allowed:
            what, _, where = each.partition(" ")
            if action(record) == what and (not where or _towards(record, self.place(where))):
                return True
        return False

    # Answers

    def told(self, records: Sequence[Record], tag: str = "") -> str:
        """Draw the first few of these crossings, each with the way its label came."""
        blocks = [self.drawn(record, tag) for record in records[:SHOWN]]
        if len(records) > SHOWN:
            blocks.append(f"… and {len(records) - SHOWN} more")
        told = "\n\n".join(blocks)
        return told.replace(f"{self.root}/", "") if self.root else told

    def drawn(self, record: Record, tag: str = "") -> str:
        """Draw one crossing in the shape of a refusal."""
        before = list(self.records[: self.records.index(record) + 1]) if record in self.records else []
        if record.verdict == "refuse":
            return refusal(record, before, self.title)
        carried = [each for each in sorted(_taken(record)) if not tag or within(each, tag)]
        return crossed(record, before, self.title, carried)

    def lined(self, lines: Sequence[Line]) -> str:
        """Draw the first few of these lines."""
        shown = [
            f"  {plain(each.function, 80)} wrote: {plain(each.text, 120)}    ({tags(each.label)})"
            for each in lines[:SHOWN]
        ]
        return "\n".join([*shown, f"  … and {len(lines) - SHOWN} more"][: SHOWN + (len(lines) > SHOWN)])

    def listed(self, records: Iterable[Record]) -> str:
        """Return one line for each of these calls."""
        return "\n".join(
            f"  {plain(r.function, 80)} → {headline(r, self.title)}"
            + (f"    {plain(r.evidence.file, 80)}:{r.evidence.line}" if r.evidence.file else "")
            for r in records
        )


def unknown(problem: str, written: str, known: Iterable[str]) -> Invalid:
    """Return the mistake of a name that there is not, with the nearest one that there is."""
    names = sorted({name for name in known if name})
    near = difflib.get_close_matches(written, names, 1)
    hint = f"did you mean `{near[0]}`" if near else f"there is {', '.join(f'`{n}`' for n in names) or 'none'}"
    return Invalid(Where(""), f"{problem} `{written}`", hint)


def _taken(record: Record) -> Label:
    """Return the tags that a crossing took along, or would have."""
    if record.operation in WAYS_OUT.values():
        return record.label
    if record.verdict != "refuse":
        return record.writes
    outward = [reason for reason in record.reasons if reason.rule not in INWARD]
    return join(record.label, record.writes, *(r.excess for r in outward)) if outward else CLEAN


def _reaches(record: Record, tag: str, to: Place | None) -> bool:
    if to is not None and to.function and record.function == to.function:
        learned = join(record.label, *(r.excess for r in record.reasons if r.rule in INWARD))
        return any(within(each, tag) for each in learned)
    if not any(within(each, tag) for each in _taken(record)):
        return False
    return _towards(record, to) if to is not None else True


def _towards(record: Record, to: Place) -> bool:
    """Say whether a crossing goes there: by what it changes, by what refused it, else by what it names."""
    if to.way:
        return record.operation == to.way
    stores = tuple(reason.store for reason in record.reasons if reason.store)
    exact = (*record.changes, *(stores if record.verdict == "refuse" else ()))
    return to.among(exact or record.resources)
