"""Every corpus again, then small changes of it, the same each time; for each target, faults that it finds."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.fuzz.mutation import mutants
from tests.fuzz.targets import TARGETS, corpus
from valve_aws.aws import forms, scalars
from valve_aws.model.source import Where
from valve_aws.proxy import head, inbox
from valve_aws.proxy.limits import Limits
from valve_aws.text import encoding, yamltext

SEED = 20261
RUNS = {
    "http": 100_000,
    "aws": 60_000,
    "policy": 12_000,
    "policy-tree": 60_000,
    "template": 1_500,
    "template-tree": 40_000,
}
"""Changed inputs of one run, some five seconds each; the long run is `tests/fuzz/guided.py`."""
SHARE = float(os.environ.get("VALVE_FUZZ", "1"))
"""How much of that is tried; a shorter run sets the variable."""

Patch = Callable[[pytest.MonkeyPatch], None]


def tried(name: str, runs: int) -> None:
    """Run a target on its corpus and on so many changes of it; raises for the first that it does not bear."""
    seeds = corpus(name)
    for content in itertools.chain(seeds, itertools.islice(mutants(seeds, SEED), runs)):
        try:
            TARGETS[name](content)
        except Exception as fault:
            raise AssertionError(f"{name}: {content!r}") from fault


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_once_is_borne(name: str) -> None:
    tried(name, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_no_input_is_read_in_two_ways_or_makes_a_reader_fail(name: str) -> None:
    tried(name, int(RUNS[name] * SHARE))


# Readers that are wrong.


def bare_line_feeds(patch: pytest.MonkeyPatch) -> None:
    whole = head.split
    patch.setattr(inbox, "LONE", re.compile(rb"\0"))

    def tolerant(text: bytes, limits: Limits) -> list[str]:
        return whole(text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), limits)

    patch.setattr(head, "split", tolerant)


def length_beats_coding(patch: pytest.MonkeyPatch) -> None:
    strict = head.framing

    def lenient(single: dict[str, str], newer: bool) -> int:
        both = "content-length" in single
        return strict({n: v for n, v in single.items() if not both or n != "transfer-encoding"}, newer)

    patch.setattr(head, "framing", lenient)


def last_of_two_lengths(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(head, "REPEATABLE", head.REPEATABLE | {"content-length"})


def semicolons_part_pairs(patch: pytest.MonkeyPatch) -> None:
    strict = forms.pairs
    patch.setattr(forms, "pairs", lambda text, what, plus: strict(text.partition(";")[0], what, plus))


def a_fault_of_its_own(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scalars, "DECIMAL", re.compile(r"[^:]*"))


def a_member_is_not_written(patch: pytest.MonkeyPatch) -> None:
    whole = forms.write

    def forgetful(out: dict[str, str], shape: Any, value: Any, prefix: str, ec2: bool) -> None:
        whole(out, shape, value, prefix, ec2)
        out.pop("QueueUrl", None)

    patch.setattr(forms, "write", forgetful)


def no_utf8(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(encoding, "_utf8", lambda content, file: content.decode("utf-8"))


def no_place(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(yamltext, "place", lambda file, text, offset: Where(file))
    patch.setattr(yamltext.Composing, "where", lambda self, event: Where(self.file), raising=False)


def laughs_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(yamltext, "NODES", 10**12)


WRONG: dict[str, tuple[str, Patch]] = {
    "a reader that takes bare line feeds": ("http", bare_line_feeds),
    "a reader for which a length beats a coding": ("http", length_beats_coding),
    "a reader that takes the last of two lengths": ("http", last_of_two_lengths),
    "a form that ends at a semicolon": ("aws", semicolons_part_pairs),
    "a reader of numbers that fails in its own way": ("aws", a_fault_of_its_own),
    "a writer that forgets the queue": ("aws", a_member_is_not_written),
    "a reader of policies that takes any bytes for text": ("policy", no_utf8),
    "a reader of policies that forgets where things stand": ("policy", no_place),
    "a reader of templates that follows every alias": ("template", laughs_without_end),
    "a reader of templates that takes any bytes for text": ("template", no_utf8),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_reader_that_is_wrong_is_caught(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, patch = WRONG[what]
    patch(monkeypatch)
    with pytest.raises(AssertionError, match=f"^{name}: "):
        tried(name, RUNS[name])
