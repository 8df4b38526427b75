"""What an operator sees of a refusal.

Knows the words and their order (twelve lines at most). Does not know how the verdict was reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from valve_aws.model.cell import Cell
from valve_aws.model.plural import counted
from valve_aws.model.record import Record
from valve_aws.model.safe import plain
from valve_aws.model.source import Where
from valve_aws.report.path import Step, trace
from valve_aws.report.words import short, tags

Title = Callable[[str], str]
"""What to call a store in front of people."""

LINES = 12

NEVER_SENT = frozenset({"Log", "Result", "Admit", "Outcome"})
"""Crossings that are no requests."""


def refusal(record: Record, records: Sequence[Record] = (), title: Title = short) -> str:
    """Return the block for one refusal, or for what audit would have refused. `records` are those before
    it."""
    reason = record.reasons[0]
    mark, verb = ("✗", "REFUSED") if record.stopped else ("!", "WOULD REFUSE")
    unsent = "    (not sent)" if record.stopped and record.operation not in NEVER_SENT else ""
    who, what = plain(record.function, 80), headline(record, title)
    lines = [f"{mark} {verb} {plain(record.ident, 40)}  {who} → {what}{unsent}"]
    lines.append(_row("carries" if reason.excess else "because", plain(reason.text, 200), reason.where))
    if not reason.excess and record.label:
        lines.append(_row("carries", tags(record.label)))
    lines += _called(record)
    for tag in sorted(reason.excess or record.label)[:1]:
        lines += _came_by(trace(records, record.ident, tag), title)
    for letter, fix in zip("abc", reason.fixes, strict=False):
        lines.append(_row(f"fix {letter}", plain(fix, 160)))
    return "\n".join(lines[:LINES])


def crossed(record: Record, records: Sequence[Record], title: Title, carried: Sequence[str]) -> str:
    """Return the block for a crossing that took tags along and was let through."""
    sent = "    (sent)" if record.operation not in NEVER_SENT else ""
    lines = [
        f"→ PASSED {plain(record.ident, 40)}  {plain(record.function, 80)} → {headline(record, title)}{sent}"
    ]
    lines.append(_row("carries", tags(carried), record.reasons[0].where if record.reasons else Where("")))
    lines += _called(record)
    for tag in carried[:1]:
        lines += _came_by(trace(records, record.ident, tag), title)
    return "\n".join(lines[:LINES])


def headline(record: Record, title: Title) -> str:
    """Return what the call was: `sqs:SendMessage Jobs`, `POST https://…`."""
    target = " ".join(title(resource) for resource in record.resources[:2])
    if record.service == "valve":
        words = {
            "Visit": "",
            "Connect": "",
            "Resolve": "name look-up ",
            "Result": "its result",
            "Log": "its log",
            "Outcome": "how its event ended, to ",
            "Admit": "takes in an event of ",
            "Presign": "a link to ",
            "Unreadable": "a request that cannot be read",
        }
        return f"{words.get(record.operation, plain(record.operation, 80))}{target}".strip()
    return f"{plain(record.service, 60)}:{plain(record.operation, 80)} {target}".strip()


def _called(record: Record) -> list[str]:
    """Return where in the function's source it was asked for, where that is known."""
    if not record.evidence.file:
        return []
    return [_row("called", f"{_place(record)}  {plain(record.evidence.text.strip(), 80)}")]


def _came_by(steps: Sequence[Step], title: Title) -> list[str]:
    """Return the last stations of a way, its very beginning always among them."""
    before = [step for step in steps[:-1] if step.record is None or step.record.operation != "Admit"]
    if not before:
        return []
    shown = before if len(before) <= 4 else [before[0], *before[-3:]]
    rows = [_row("came by", *_station(shown[0], title))]
    if len(shown) < len(before):
        rows.append(_row("", f"… {counted(len(before) - len(shown), 'more step')}: `valve explain`"))
    return rows + [_row("", "→ " + _station(step, title)[0], _station(step, title)[1]) for step in shown[1:]]


def _station(step: Step, title: Title) -> tuple[str, Where]:
    if step.record is None:
        return (cell_title(step.cell, title) if step.cell else "declared"), step.where
    return f"{plain(step.record.function, 80)} {headline(step.record, title)}", Where(
        _file(step.record), step.record.evidence.line
    )


def cell_title(cell: Cell, title: Title) -> str:
    """Return a cell's name for people: `Customers/c1.email`."""
    name = f"/{plain(cell.name, 60)}" if cell.name else ""
    return title(cell.store) + name + (f".{plain(cell.attribute, 60)}" if cell.attribute else "")


def explanation(records: Sequence[Record], ident: str, title: Title = short) -> str:
    """Return the whole story of one record: what was asked, every reason, and every tag's way from its
    beginning."""
    record = next((r for r in records if r.ident == ident and r.verdict != "settled"), None)
    if record is None:
        return ""
    lines = [
        f"{plain(record.ident, 40)}  {plain(record.time, 40)}  {plain(record.function, 80)} → "
        f"{headline(record, title)}  {_verdict(record)}"
    ]
    lines += _called(record)
    for reason in record.reasons:
        lines.append(_row(str(reason.rule), plain(reason.text, 200), reason.where))
        lines += [
            _row(f"fix {letter}", plain(fix, 160))
            for letter, fix in zip("abcdef", reason.fixes, strict=False)
        ]
    excess = sorted(frozenset().union(*(r.excess for r in record.reasons))) or sorted(
        record.writes | record.label
    )
    lines.append(_row("carried", tags(record.writes | record.label, 12)))
    for tag in excess:
        lines += ["", f"  the way of {plain(tag, 80)}"]
        for number, step in enumerate(trace(records, ident, tag), 1):
            lines.append(f"    {number:>2}  {_placed(*_station(step, title), 57)}")
    return "\n".join(lines)


def _verdict(record: Record) -> str:
    if record.verdict == "allow":
        return "allowed"
    return "refused" if record.stopped else "would be refused"


def _row(head: str, text: str, where: Where = Where("")) -> str:
    return f"  {head:<9} {_placed(text, where, 51)}"


def _placed(text: str, where: Where, width: int) -> str:
    """Return a text with its place in the next column, which a long one moves to the right."""
    place = plain(str(where), 200) if where.file else ""
    return f"{text:<{width}}  {place}".rstrip()


def _file(record: Record) -> str:
    return plain(record.evidence.file.removeprefix("/var/task/"), 80)


def _place(record: Record) -> str:
    return f"{_file(record)}:{record.evidence.line}"
