"""Who may import whom: design section 6 as two tables, held against every import in the package.

Knows rooms and third parties. Does not run any of the code it reads.
"""

from __future__ import annotations

import ast
import sys

import pytest

from tests.house.source import PACKAGE, Module, imports, listed, modules, room_of

LEAVES = (
    "template",
    "policy",
    "flow",
    "labels",
    "aws",
    "proxy",
    "runtime",
    "sandbox",
    "backend",
    "audit",
    "lockfile",
    "canary",
    "report",
    "text",
)
MIDDLE = ("environments", "triggers", "api", "hook")
JOINTS = ("passage", "waking", "running", "answering")
EVERY_ROOM = frozenset({"model", "course", *LEAVES, *MIDDLE})

# room -> the rooms it may import, itself aside
MAY_IMPORT: dict[str, frozenset[str]] = {
    "__init__": frozenset(),
    "model": frozenset(),
    **dict.fromkeys(LEAVES, frozenset({"model"})),
    "course": frozenset({"model", "flow"}),
    **dict.fromkeys(MIDDLE, frozenset({"model", "course"})),
    "clock": frozenset(),
    "settings": frozenset({"model"}),  # what a user asked for, as values
    "application": EVERY_ROOM | {"settings"},
    "cloud": EVERY_ROOM | {"settings"},
    # the joints, from the single request up to whoever asks from outside
    "passage": EVERY_ROOM | {"settings", "cloud"},
    "waking": EVERY_ROOM | {"clock", "passage"},
    "running": EVERY_ROOM | {"settings", "clock", "application", "cloud", "passage", "waking"},
    "answering": EVERY_ROOM | {"passage", "running"},
    "valve": EVERY_ROOM | {"settings", "clock", "application", "cloud", *JOINTS},
    "cooperative": EVERY_ROOM | {"settings", "application", "cloud", "running"},
    "staying": EVERY_ROOM | {"settings", "clock", "application", "running", "answering", "valve", "commands"},
    "attack": EVERY_ROOM | {"settings", "application", "cloud", "valve"},  # tries the whole from outside
    "commands": frozenset({"model", "settings", "valve"}),  # the second half of the command line's face
    "cli": frozenset({"__init__", "settings", "commands"}),
    "pytest_plugin": frozenset(
        {"valve", "cooperative", "settings", "model", "backend", "course", "report", "canary"}
    ),
    # another face, loaded by LocalStack: it builds valves and reads what they are about
    "localstack": EVERY_ROOM | {"settings", "application", "cloud", "passage", "running", "valve"},
    "__main__": frozenset({"cli"}),
}

# face -> the rooms it may import within a function, so that they are paid for when needed
READ_LAZILY = frozenset(
    {"template", "policy", "report", "text", "lockfile", "model", "valve", "application", "__init__"}
)
MAY_IMPORT_LAZILY = {
    "__init__": frozenset({"cooperative"}),
    "cli": READ_LAZILY | {"staying"},
    # `explain` reads records, `doctor` asks the sandbox
    "commands": READ_LAZILY | {"attack", "audit", "backend", "sandbox", "triggers"},
    "pytest_plugin": READ_LAZILY | {"sandbox", "cooperative"},
}

# third party (the longest name that fits counts) -> the rooms that may import it
THIRD_PARTIES: dict[str, frozenset[str]] = {
    "aiobotocore": frozenset({"hook"}),  # in functions, where a client is already of it
    "aws_durable_execution_sdk_python_testing": frozenset({"backend"}),
    "awslambdaric": frozenset(),  # runs inside the sandbox, started by shims
    "boto3": frozenset({"attack", "backend", "hook", "pytest_plugin"}),
    "botocore": frozenset({"attack", "aws", "backend", "hook"}),
    # botocore's models and all that loads them
    "botocore.loaders": frozenset({"aws"}),
    "botocore.model": frozenset({"aws"}),
    "botocore.parsers": frozenset({"aws"}),
    "botocore.serialize": frozenset({"aws"}),
    "botocore.session": frozenset({"aws"}),
    "botocore.validate": frozenset({"aws"}),
    "click": frozenset({"cli", "commands"}),
    "cryptography": frozenset({"backend", "proxy"}),
    "flask": frozenset({"api"}),
    "localstack": frozenset({"localstack"}),
    "moto": frozenset({"backend"}),
    "pytest": frozenset({"pytest_plugin"}),
    "samtranslator": frozenset({"template"}),
    "werkzeug": frozenset({"api", "backend"}),
    "yaml": frozenset({"text"}),
}


def test_every_room_stands_in_the_table() -> None:
    strangers = {module.path for module in modules() if module.room not in MAY_IMPORT}
    assert not strangers, listed(
        strangers, "no such room in design section 6; argue it there and add its row"
    )


def test_rooms_import_only_the_rooms_they_may() -> None:
    faults = [fault for module in modules() for fault in _rooms_wrongly_imported(module)]
    assert not faults, listed(faults, "ask for what you need through a port, or let `valve` hand it over")


def test_third_parties_enter_only_by_the_rooms_that_know_them() -> None:
    faults = [fault for module in modules() for fault in _third_parties_wrongly_imported(module)]
    assert not faults, listed(faults, "leave it to the room that knows it")


def test_no_import_hides_its_name() -> None:
    hidden = [f"{m.path}:{i.line}" for m in modules() for i in imports(m) if i.target == "?"]
    assert not hidden, listed(hidden, "import a constant name, or one computed within a constant package")


def test_no_module_imports_itself_by_a_detour() -> None:
    known = {module.name for module in modules()}
    graph = {m.name: sorted({i.target for i in imports(m)} & known - {m.name}) for m in modules()}
    cycle = _a_cycle(graph)
    assert not cycle, " → ".join(["what both need belongs below both, or behind a port", *cycle])


@pytest.mark.parametrize(
    ("path", "text", "faults"),
    [
        ("policy/reading.py", "from valve_aws.model.label import Label\nfrom . import writing", 0),
        ("policy/reading.py", "from valve_aws.flow import decide", 1),
        ("policy/reading.py", "def f():\n    from valve_aws import flow", 1),
        ("policy/reading.py", "if TYPE_CHECKING:\n    from ..flow.decide import Verdict", 1),
        ("policy/reading.py", "importlib.import_module(f'valve_aws.flow.{x}')", 1),
        ("policy/reading.py", "import re, yaml", 1),
        ("policy/reading.py", "import unheard_of", 1),
        ("text/reading.py", "import yaml.events", 0),
        ("backend/seed.py", "import botocore.config", 0),
        ("backend/seed.py", "from botocore.model import ServiceModel", 1),
        ("backend/seed.py", "from botocore import loaders", 1),
        ("cli.py", "def f():\n    from valve_aws import report", 0),
        ("cli.py", "from valve_aws import report", 1),
        ("cli.py", "def f():\n    from valve_aws import flow", 1),
        ("course/carry.py", "from valve_aws import flow", 0),
        ("flow/decide.py", "from valve_aws import course", 1),
    ],
)
def test_the_tables_tell_a_breach_from_a_right(path: str, text: str, faults: int) -> None:
    module = Module(
        f"{PACKAGE}/{path}",
        f"{PACKAGE}/{path}".removesuffix(".py").replace("/", "."),
        text,
        ast.parse(text),
    )
    assert len(_rooms_wrongly_imported(module) + _third_parties_wrongly_imported(module)) == faults


def test_the_search_for_cycles_finds_one() -> None:
    assert _a_cycle({"a": ["b", "c"], "b": ["c"], "c": ["d"], "d": ["b"]}) == ["b", "c", "d", "b"]
    assert _a_cycle({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def _rooms_wrongly_imported(module: Module) -> list[str]:
    faults = []
    for each in imports(module):
        if each.target.split(".")[0] != PACKAGE:
            continue
        room = room_of(each.target)
        allowed = MAY_IMPORT.get(module.room, frozenset()) | {module.room}
        if each.in_function or each.types_only:
            allowed |= MAY_IMPORT_LAZILY.get(module.room, frozenset())
        if room not in allowed:
            faults.append(f"{module.path}:{each.line}: `{module.room}` may not import `{each.target}`")
    return faults


def _third_parties_wrongly_imported(module: Module) -> list[str]:
    faults = []
    for each in imports(module):
        top = each.target.split(".")[0]
        if top in sys.stdlib_module_names or top in (PACKAGE, "?"):
            continue
        named = [party for party in THIRD_PARTIES if f"{each.target}.".startswith(f"{party}.")]
        if not named:
            faults.append(f"{module.path}:{each.line}: `{top}` is no dependency (docs/DEPENDENCIES.md)")
        elif module.room not in THIRD_PARTIES[max(named, key=len)]:
            faults.append(f"{module.path}:{each.line}: `{module.room}` may not import `{each.target}`")
    return faults


def _a_cycle(graph: dict[str, list[str]]) -> list[str]:
    """The first cycle met, from a module back to itself; empty if there is none."""
    done: set[str] = set()
    for start in graph:
        trail, ahead = [start], [iter(graph[start])]
        while trail:
            step = next((name for name in ahead[-1] if name not in done), None)
            if step is None:
                done.add(trail.pop())
                ahead.pop()
            elif step in trail:
                return [*trail[trail.index(step) :], step]
            else:
                trail.append(step)
                ahead.append(iter(graph[step]))
    return []
