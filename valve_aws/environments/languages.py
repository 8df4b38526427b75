"""What runs a function that is not Python's: Node, or a program that the function brings along.

Knows what a runtime's name means and what its first command is. Does not look at the host; `host` does.
Source: AWS Lambda developer guide, `Lambda runtimes`, `Building a custom runtime`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from valve_aws.model.source import Invalid
from valve_aws.model.stack import Function

NODE = re.compile(r"nodejs(?:(\d{1,2})\.(?:x|\d+)|)", re.ASCII)
OLDEST_NODE = 18
"""The first whose modules the client of the table below can be read by."""
BOOTSTRAPS = ("/var/task/bootstrap", "/opt/bootstrap")
"""Where a program of the function's own is looked for, in this order."""
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
LAYERED_MODULES = ("/opt/nodejs/node{0}/node_modules", "/opt/nodejs/node_modules")
"""Where Node looks into layers, by the version that the function's runtime names."""
NODE_MODULES = ":".join((*LAYERED_MODULES, "/var/runtime/node_modules", "/var/runtime", "/var/task"))


class Language(StrEnum):
    """Who starts a function's code."""

    PYTHON = "python"
    NODE = "nodejs"
    OWN = "provided"
    """The function itself: an executable called `bootstrap`."""


STARTS = (
    ("python", Language.PYTHON),
    ("nodejs", Language.NODE),
    ("provided", Language.OWN),
    # Why: nothing here starts their clients, so it is for the function to bring what does.
    ("java", Language.OWN),
    ("dotnet", Language.OWN),
    ("ruby", Language.OWN),
)


def language(function: Function) -> Language:
    """Return what a function is written for. Raises Invalid for what cannot be run here."""
    if function.package == "Image":
        raise Invalid(
            function.where,
            f"`{function.logical}` is a container image, which cannot be run",
            "give it a zip package with a runtime that can",
        )
    if not function.runtime:
        raise Invalid(function.where, f"`{function.logical}` has no `Runtime`", "write `Runtime: python3.12`")
    for start, found in STARTS:
        if function.runtime.startswith(start):
            return found
    raise Invalid(
        function.where,
        f"`{function.logical}`: the runtime `{function.runtime}` cannot be run",
        "`python3.*`, `nodejs*` and `provided.*` can, and `java*`, `dotnet*`, `ruby*` with a `bootstrap`",
    )


@dataclass(frozen=True, slots=True)
class Node:
    """One Node of the host."""

    executable: Path
    """Where it really lies."""
    major: int

    @property
    def cafile(self) -> str:
        """Return "": Node has its certificates within itself, and `defaults` says which are more."""
        return ""

    @property
    def name(self) -> str:
        """Return its name as a runtime is named: `nodejs20.x`."""
        return f"nodejs{self.major}.x"

    @property
    def inside(self) -> str:
        """Return the path by which it runs inside."""
        system = str(self.executable)
        return system if system.startswith("/usr/") else "/var/lang/bin/node"

    def command(self, function: Function) -> tuple[str, ...]:
        """Return the first command; the heap is a part of the memory, as on Lambda."""
        heap = (
            f"--max-semi-space-size={max(function.memory // 20, 1)}",
            f"--max-old-space-size={function.memory * 9 // 10}",
        )
        return (self.inside, *heap, "--require", "/var/runtime/evidence.cjs", "/var/runtime/index.mjs")

    def defaults(self, function: Function, packages: Iterable[str]) -> Mapping[str, str]:
        """Return the variables that are Node's own; the valve's certificate is one more to trust."""
        path = NODE_MODULES.format(wanted_node(function) or self.major)
        return {
            "NODE_EXTRA_CA_CERTS": SYSTEM_BUNDLE,
            "NODE_PATH": ":".join((*(f"{folder}/node_modules" for folder in packages), path)),
        }


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """A program that the function brings along."""

    inside: str

    @property
    def cafile(self) -> str:
        """Return "": what it looks at is its own affair; the system's places have the valve's certificate."""
        return ""

    @property
    def name(self) -> str:
        """Return what people call it."""
        return self.inside

    def command(self, function: Function) -> tuple[str, ...]:
        """Return the first command."""
        return (self.inside,)

    def defaults(self, function: Function, packages: Iterable[str]) -> Mapping[str, str]:
        """Return nothing: such a runtime has no variables of its own."""
        return {}


def layered(function: Function, node: Node) -> tuple[str, ...]:
    """Return where the packages of layers lie for a function, inside."""
    return tuple(path.format(wanted_node(function) or node.major) for path in LAYERED_MODULES)


def wanted_node(function: Function) -> int:
    """Return the version that a function's runtime names, 0 for none. Raises Invalid."""
    match = NODE.fullmatch(function.runtime)
    if not match:
        raise Invalid(function.where, f"`{function.logical}`: there is no runtime `{function.runtime}`")
    return int(match[1] or 0)


def nearest_node(function: Function, there: Iterable[Node]) -> tuple[Node, str]:
    """Return the Node that runs a function, and a line to say when its version is another ("" else).

    Raises Invalid when the host has none that is new enough.
    """
    want = wanted_node(function)
    found = sorted(
        (node for node in there if node.major >= OLDEST_NODE),
        key=lambda node: (abs(node.major - want), node.major),
    )
    if not found:
        raise Invalid(
            function.where,
            f"`{function.logical}`: there is no Node on this host, so `{function.runtime}` cannot be run",
            f"install Node {max(want, OLDEST_NODE)}, so that `node` is in your PATH",
        )
    best = found[0]
    said = f"{function.logical}: {function.runtime} is not on this host, Node {best.major} runs it"
    return best, "" if best.major == want else said
