"""What flags take: numbers and words, and how it is told where something else was given.

Knows click's kinds of values. Does not know any flag.
"""

from __future__ import annotations

from typing import Any

import click


class Whole(click.IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; see click."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            span = f"from {self.min} up" if self.max is None else f"from {self.min} to {self.max}"
            self.fail(f"`{value}` is not a whole number {span}", param, ctx)


class OneOf(click.Choice[str]):
    """One of a few words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word; see click."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            from difflib import get_close_matches

            words = ", ".join(f"`{word}`" for word in self.choices)
            near = get_close_matches(str(value), self.choices, 1)
            hint = f"; did you mean `{near[0]}`" if near else ""
            self.fail(f"`{value}` is not one of {words}{hint}", param, ctx)
