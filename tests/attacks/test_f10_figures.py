"""F10: Figures of the platform as the channel: how long, how much memory, how it ended.

Knows what a labelled function can write there. Does not hide cold from warm: `docs/THREATS.md` says why.
"""

from __future__ import annotations

import re

import pytest

from tests.attacks.walled import TRIGGER, Walled

TELL = """
import os
def handler(event, context):
    if event['by'] == 'memory': kept = bytearray(b'x') * (event['word'] << 20)
    if event['by'] == 'status': os._exit(event['word'])
    return 'done'
"""


@pytest.mark.parametrize("by", ["memory", "status"])
def test_a_figure_is_a_log_line_of_the_label_that_made_it(walled: Walled, by: str) -> None:
    """In `log` stands what a log store holds; the operator sees all of it."""
    walled.lay(TELL)
    figure = {"memory": r"Max Memory Used: (\d+) MB", "status": r"exit status (\d+)"}[by]
    read: dict[str, list[list[str]]] = {"off": [], "enforce": []}
    for mode, seen in read.items():
        for word in (20, 90):
            seen.append(re.findall(figure, walled.run({"by": by, "word": word}, mode, trigger=TRIGGER).log))
    first, second = read["off"]
    assert second != first, "with the guard off the log tells one from the other"
    assert read["enforce"] == [[], []]
    assert len(re.findall(figure, "\n".join(walled.said))) >= 4


def test_a_clean_function_s_figures_are_logged(walled: Walled) -> None:
    log = walled.lay(TELL).run({"by": "memory", "word": 20}).log
    assert re.search(r"REPORT RequestId: .*Max Memory Used: \d+ MB", log)
