"""The project's source as the house's rules see it: modules, rooms and imports, read from syntax trees.

Knows how Python writes an import. Does not know which imports are allowed, and imports nothing that it reads.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "valve_aws"


@dataclass(frozen=True, slots=True)
class Module:
    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return room_of(self.name)

    @property
    def is_package(self) -> bool:
        return self.path.endswith("/__init__.py")


@dataclass(frozen=True, slots=True)
class Import:
    target: str
    line: int
    in_function: bool
    types_only: bool


def room_of(name: str) -> str:
    """`valve_aws.flow.judge` lies in `flow`, `valve_aws.cli` in `cli`, `valve_aws` itself in `__init__`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@cache
def modules(*tops: str) -> tuple[Module, ...]:
    """Every Python file under these folders of the checkout; a folder that is not there holds none."""
    return tuple(_read(path) for top in tops or (PACKAGE,) for path in sorted((ROOT / top).rglob("*.py")))


@cache
def _read(path: Path) -> Module:
    relative = path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    dotted = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
    return Module(relative.as_posix(), dotted, text, ast.parse(text, relative.as_posix()))


@cache
def imports(module: Module) -> tuple[Import, ...]:
    """Every import wherever it stands, dynamic ones included.

    Of `import_module(f"a.b.{x}")` the target is `a.b`, of `f"{__name__}.{x}"` the module itself, of any
    other computed name `?`.
    """
    known = {m.name for m in modules()}
    return tuple(_imports(module, module.tree, known, in_function=False, types_only=False))


def _imports(
    module: Module, node: ast.AST, known: set[str], *, in_function: bool, types_only: bool
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for target in _targets(module, child, known):
            yield Import(target, child.lineno, in_function, types_only)  # type: ignore[attr-defined]  # has a target
        inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = types_only or (isinstance(child, ast.If) and spelled(child.test).endswith("TYPE_CHECKING"))
        yield from _imports(module, child, known, in_function=inside, types_only=typing)


def _targets(module: Module, node: ast.AST, known: set[str]) -> Iterator[str]:
    match node:
        case ast.Import(names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(stem, names, level):
            base = _base(module, stem, level)
            for alias in names:
                inner = f"{base}.{alias.name}"
                ours, names_a_room = base.split(".")[0] == PACKAGE, not alias.name.startswith("_")
                yield inner if not ours or inner in known or (base == PACKAGE and names_a_room) else base
        case ast.Call(function, [first, *_]) if spelled(function) in DYNAMIC:
            yield _named(module, first)


DYNAMIC = frozenset({"__import__", "importlib.import_module", "import_module"})


def _named(module: Module, argument: ast.expr) -> str:
    match argument:
        case ast.Constant(str(name)):
            return name
        case ast.JoinedStr([ast.Constant(str(start)), *_]) if "." in start:
            return start.rpartition(".")[0]
        case ast.JoinedStr([ast.FormattedValue(ast.Name("__name__")), ast.Constant(str(start)), *_]):
            return module.name if start == "." else "?"
    return "?"


def _base(module: Module, stem: str | None, level: int) -> str:
    if not level:
        return stem or ""
    folder = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    return ".".join([*folder[: len(folder) - level + 1], *([stem] if stem else [])])


def spelled(node: ast.AST) -> str:
    """`a.b.c` for a chain of names, empty for anything else."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, name):
            owner = spelled(value)
            return f"{owner}.{name}" if owner else ""
    return ""


def listed(faults: Iterable[object], advice: str) -> str:
    """What a failing rule says: the faults one a line, and what to do about them."""
    return "\n".join([f"{advice}:", *sorted(map(str, faults))])
