"""How large a module or a function may grow, what a file may be called, what a silenced warning owes.

Knows lines, names and comments. Does not know what the code does.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest

from tests.house.source import listed, modules

MODULE_CAP = 400
FUNCTION_CAP = 60

# (path, function or "" for the module) -> why; a line that is not needed fails
EXCEPTIONS: dict[tuple[str, str], str] = {}

VAGUE = frozenset(
    {"common", "context", "data", "helper", "helpers", "info", "manager", "misc", "util", "utils"}
)

OURS = ("valve_aws", "shims")
EVERYWHERE = (*OURS, "tests", "stacks")

# A code in brackets or after a colon, then the reason.
SILENCED = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no cover|mypy:|ruff:)", re.IGNORECASE)
REASONED = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*|type:\s*ignore\[[a-z, -]+\])(?!\s*#\s*(?:noqa|type:))"
    r"[\s#:–—-]+[`A-Za-z][^#]{4,}"
)


def test_no_module_is_longer_than_its_cap() -> None:
    faults = long_modules().keys() - EXCEPTIONS.keys()
    assert not faults, listed(faults, f"over {MODULE_CAP} lines: split it, or write down why not")


def test_no_function_is_longer_than_its_cap() -> None:
    faults = long_functions().keys() - EXCEPTIONS.keys()
    assert not faults, listed(faults, f"over {FUNCTION_CAP} lines: split it, or write down why not")


def test_every_exception_is_still_needed() -> None:
    assert not EXCEPTIONS.keys() - long_modules().keys() - long_functions().keys()


def test_no_file_has_a_name_that_says_nothing() -> None:
    vague = {m.path for m in modules(*EVERYWHERE) if set(m.path.removesuffix(".py").split("/")) & VAGUE}
    assert not vague, listed(vague, "name it after what it knows")


def test_every_module_says_what_it_knows() -> None:
    silent = {m.path for m in modules(*EVERYWHERE) if m.tree.body and not ast.get_docstring(m.tree)}
    assert not silent, listed(silent, "two sentences: what it knows, and what it does not")


def test_no_warning_is_silenced_without_a_reason() -> None:
    faults = [f"{m.path}:{line}: {text}" for m in modules(*EVERYWHERE) for line, text in unreasoned(m.text)]
    assert not faults, listed(faults, "write `# noqa: CODE  why` or `# type: ignore[code]  # why`")


@pytest.mark.parametrize(
    ("comment", "fine"),
    [
        ("# noqa: E501  a URL cannot be broken", True),
        ("# noqa: ARG001, B008 - the port asks for it", True),
        ("# type: ignore[attr-defined]  # the stub lacks it", True),
        ("# says what follows", True),
        ("# noqa", False),
        ("# noqa: E501", False),
        ("# noqa: reasons without a code", False),
        ("# type: ignore", False),
        ("# type: ignore[attr-defined]", False),
        ("# type: ignore  # the stub lacks it", False),
        ("# type: ignore[misc]  # noqa: E501", False),
        ("# pragma: no cover", False),
    ],
)
def test_a_reason_is_told_from_its_absence(comment: str, fine: bool) -> None:
    assert (unreasoned(f"x = 1  {comment}\n") == []) is fine


def unreasoned(text: str) -> list[tuple[int, str]]:
    """Line and text of every comment that silences a tool and does not say why."""
    if not SILENCED.search(text):
        return []
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = ((t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT)
    return [(line, said) for line, said in comments if SILENCED.match(said) and not REASONED.match(said)]


def long_modules() -> dict[tuple[str, str], int]:
    lengths = {(m.path, ""): len(m.text.splitlines()) for m in modules(*OURS)}
    return {where: length for where, length in lengths.items() if length > MODULE_CAP}


def long_functions() -> dict[tuple[str, str], int]:
    return {
        (module.path, node.name): length
        for module in modules(*OURS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_CAP
    }
