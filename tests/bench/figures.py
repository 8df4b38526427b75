"""What was measured: medians with their budgets, as one table for people and as JSON.

Knows how figures are shown. Does not know how they are taken, and judges nothing: a figure over its budget is
marked.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `figures` by column in `unit`; `told` is the one that `budget` speaks of."""

    what: str
    unit: str
    figures: Mapping[str, float]
    told: float | None = None
    budget: float | None = None
    runs: int = 1


@dataclass(slots=True)
class Figures:
    """All lines of one run, by section."""

    sections: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, section: str, row: Row) -> None:
        """Keep one line."""
        self.sections.setdefault(section, []).append(row)

    def table(self) -> str:
        """Return everything as text."""
        lines = [f"{machine()}"]
        for section, rows in self.sections.items():
            columns = list(dict.fromkeys(name for row in rows for name in row.figures))
            lines += [
                "",
                f"{section:<44}" + "".join(f"{c:>12}" for c in columns) + f"{'told':>10}{'budget':>10}",
            ]
            for row in rows:
                cells = "".join(
                    f"{row.figures[c]:>12.2f}" if c in row.figures else f"{'':>12}" for c in columns
                )
                told = "" if row.told is None else f"{row.told:.2f}"
                budget = "" if row.budget is None else f"< {row.budget:g}"
                mark = (
                    "  OVER"
                    if row.told is not None and row.budget is not None and row.told >= row.budget
                    else ""
                )
                lines.append(f"  {row.what + ', ' + row.unit:<42}{cells}{told:>10}{budget:>10}{mark}")
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        sections = {name: [asdict(row) for row in rows] for name, rows in self.sections.items()}
        path.write_text(json.dumps({"machine": machine(), "sections": sections}, indent=1) + "\n")


def machine() -> str:
    """Return what the figures hold for, in general words."""
    uname = os.uname()
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{uname.sysname} {uname.release.partition('-')[0]} {uname.machine}, {os.cpu_count()} cores, "
        f"{platform.python_implementation()} {platform.python_version()}, load {load}"
    )


def interleaved(
    runs: int, ways: Mapping[str, Callable[[], Sequence[float]]], scale: float, warm: int = 1
) -> dict[str, float]:
    """Run every way in turn, `runs` times, after `warm` rounds for nothing; return medians times `scale`.

    Why another one first each round: what grows with every call (a queue) would else cost the last the most.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(warm + runs):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            figures = ways[name]()
            if number >= warm:
                taken[name] += figures
    return {name: statistics.median(figures) * scale for name, figures in taken.items()}
