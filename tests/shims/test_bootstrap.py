"""The search path of a function."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

SHIMS = Path(__file__).parents[2] / "shims" / "python"
spec = spec_from_file_location("bootstrap", SHIMS / "bootstrap.py")
assert spec
assert spec.loader
bootstrap = module_from_spec(spec)
spec.loader.exec_module(bootstrap)

LIBRARY = ["/var/lang/lib/python312.zip", "/var/lang/lib/python3.12", "/var/lang/lib/python3.12/lib-dynload"]


def test_code_comes_before_packages_layers_runtime_and_library() -> None:
    entries = ["/var/runtime", "/var/packages", "/var/runtime", *LIBRARY]
    path = bootstrap.search_path(entries, "/var/task", "/var/runtime", "3.12", lambda _: True)
    assert path == [
        "/var/task",
        "/var/packages",
        "/opt/python/lib/python3.12/site-packages",
        "/opt/python",
        "/var/runtime",
        *LIBRARY,
    ]


def test_layers_that_are_not_there_are_not_searched() -> None:
    path = bootstrap.search_path(
        ["/var/runtime", *LIBRARY], "/var/task", "/var/runtime", "3.12", lambda _: False
    )
    assert path == ["/var/task", "/var/runtime", *LIBRARY]


def test_the_interactive_names_are_those_of_site() -> None:
    import builtins

    kept = {name: getattr(builtins, name) for name in ("exit", "quit", "help")}
    try:
        for name in kept:
            delattr(builtins, name)
        bootstrap.interactive_names()
        assert {name: type(getattr(builtins, name)) for name in kept} == {n: type(v) for n, v in kept.items()}
    finally:
        for name, value in kept.items():
            setattr(builtins, name, value)


def test_importing_the_shims_needs_nothing_but_the_standard_library() -> None:
    """A zygote also brings its walls, which are forgotten before a function's code is there."""
    import ast

    for path in SHIMS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            own = {"_valve_ahead", "_valve_evidence", "awslambdaric", "debugpy"}
            walls = {"valve_aws"} if path.stem == "_valve_zygote" else set()
            assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names, *own, *walls}
