"""How a value is declared: complete when it is made, never changed, compared by what it holds.

Knows what that costs. Does not know any value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a class one of values: a dataclass with slots, hashed by its fields, that mypy holds frozen.

    Why not frozen while it runs: then each field is set by a call, which takes five times as long, and every
    call of a function makes some forty values before it is sent. Nobody but ourselves could be stopped by
    it, and we are when types are checked. Budget: a guarded call adds less than 1 ms.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
