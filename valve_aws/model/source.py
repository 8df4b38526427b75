"""Where a thing stands in a file, a text read with its positions kept, and a mistake of the user's.

Knows positions and how an error message is shaped. Does not know any syntax.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from valve_aws.model.safe import plain
from valve_aws.model.value import value


@value
class Where:
    """A place in a file the user wrote; line and column count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


NOWHERE = Where("")


class Invalid(Exception):
    """A mistake in what the user gave us: where it stands, what is wrong, what to do next.

    The message is lower case, without a final period, with the user's words in back-ticks.
    Whoever catches it at the door prints it and ends with exit code 2.
    """

    def __init__(self, where: Where | None, problem: str, remedy: str = "") -> None:
        self.where = where or NOWHERE
        self.problem = problem
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where.file else ""
        # Why plain: it quotes a file that may be a stranger's, and is one line wherever it is printed.
        return plain(f"{place}{self.problem}" + (f"; {self.remedy}" if self.remedy else ""))


@value
class Node:
    """One value of a YAML or JSON text with its position.

    `value` is a scalar (str, int, float, bool, None, bytes, or a date kept as its text), a ``list[Node]``,
    or a ``dict[str, Node]`` in the order written. `tag` is a CloudFormation short form (``!Sub`` gives
    ``"Sub"``), else "".
    """

    value: Any
    where: Where
    tag: str = ""
    keys: dict[str, Where] = field(default_factory=dict)
    """For a mapping: where each key itself stands."""
    repeated: tuple[tuple[str, Where, Where], ...] = ()
    """For a mapping read with the last of each key counting: (key, where it stood before, where again)."""

    def plain(self) -> Any:
        """Return the value without positions; short forms become their long form ``{"Fn::Sub": …}``."""
        if isinstance(self.value, dict):
            bare: Any = {k: v.plain() for k, v in self.value.items()}
        elif isinstance(self.value, list):
            bare = [v.plain() for v in self.value]
        else:
            bare = self.value
        if not self.tag:
            return bare
        return {self.tag if self.tag in {"Ref", "Condition"} else f"Fn::{self.tag}": bare}
