"""An answer held against a recorded one, in which what changes from run to run stands as `<word:1>`.

Knows that the same mark stands for the same text all through a case, and two marks of one word for two texts.
Does not know what is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

ANY = frozenset({"date", "datetime", "timestamp", "code-sha256", "lambda-url", "log-result"})
"""Recorded in place of a value that has no name of its own."""

MARK = re.compile(r"<([\w-]+)(?::([^>]+))?>")

KEPT = frozenset({"uuid", "code-sha256", "sequence-number"})
"""Words whose numbers stand for one text each. Why not the others: AWS's recordings number names by the "
"way."""


class Marks:
    """What each mark of a case has stood for so far."""

    def __init__(self, opens: bool = False) -> None:
        """`opens`: a text of JSON that was recorded as what it says is held against that."""
        self._known: dict[str, str] = {}
        self._opens = opens

    def differences(self, wanted: Any, found: Any, place: str = "") -> Iterator[str]:
        """Yield where an answer is not as it was recorded."""
        if self._opens and isinstance(wanted, (Mapping, list)) and isinstance(found, str):
            found = _opened(found)
        if isinstance(wanted, Mapping) and isinstance(found, Mapping):
            for key in wanted.keys() - found.keys():
                yield f"{place}.{key} is missing"
            for key in found.keys() - wanted.keys():
                yield f"{place}.{key} is there: {found[key]!r}"
            for key in wanted.keys() & found.keys():
                yield from self.differences(wanted[key], found[key], f"{place}.{key}")
        elif isinstance(wanted, list) and isinstance(found, list):
            if len(wanted) != len(found):
                yield f"{place} has {len(found)} entries, not {len(wanted)}"
            for i, (one, other) in enumerate(zip(wanted, found, strict=False)):
                yield from self.differences(one, other, f"{place}[{i}]")
        elif isinstance(wanted, str) and (wanted in ANY or MARK.search(wanted)):
            if wanted not in ANY and not self._fits(wanted, str(found)):
                yield f"{place} is {found!r}, not {wanted!r}"
        elif wanted != found:
            yield f"{place} is {found!r}, not {wanted!r}"

    def _fits(self, wanted: str, found: str) -> bool:
        expression, named, at = "", list[str](), 0
        for mark in MARK.finditer(wanted):
            expression += re.escape(wanted[at : mark.start()])
            told = mark[0] if mark[2] and mark[1] in KEPT else ""
            if told in self._known:
                expression += re.escape(self._known[told])
            elif told:
                expression += "(.+?)"
                named.append(told)
            else:
                expression += "(?:.*?)"
            at = mark.end()
        fit = re.fullmatch(expression + re.escape(wanted[at:]), found, re.DOTALL)
        texts = zip(named, fit.groups(), strict=True) if fit else ()
        told_apart = [text for mark, text in texts if "sha256" not in mark]
        if fit is None or any(text in self._known.values() for text in told_apart):
            return False
        self._known.update(zip(named, fit.groups(), strict=True))
        return True


def _opened(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
