"""Everything about a function that is slow and done once: interpreter, packages, code, layers, bundles.

Knows what belongs where inside. Does not make a plan of one environment; `plan` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path, PurePosixPath

from valve_aws.environments import files, host, node_packages, requirements, trust
from valve_aws.environments.cache import Cache, Unavailable
from valve_aws.environments.interpreters import Interpreter, Others, nearest
from valve_aws.environments.languages import (
    BOOTSTRAPS,
    Bootstrap,
    Language,
    Node,
    language,
    layered,
    nearest_node,
)
from valve_aws.model.plan import Bind
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Code, Function, Layer

PUBLIC_LAYERS = {
    "AWSLambdaPowertoolsPython": "aws-lambda-powertools[all]",
    "AWSSDKPandas": "awswrangler",
    "AWSXRay": "aws-xray-sdk",
}
"""Layers of others that are but a package; by a part of their ARN."""
NAMED_LAYERS = re.compile(r":layer:Klayers-p3\d+(?:-arm64)?-([A-Za-z0-9][A-Za-z0-9._-]*):\d+$")
"""Layers of others whose name ends with the one package that they are: `Klayers-p312-Pillow`."""
RESPONSES = {Language.PYTHON: "cfnresponse.py", Language.NODE: "cfn-response.js"}
"""What answers CloudFormation: only code that stands in the template is given it, where it names it (AWS
CloudFormation user guide, `cfn-response module`)."""
TYPED, SCRIPTS = (".ts", ".mts", ".cts", ".tsx"), (".js", ".mjs", ".cjs")
BUILT = ".aws-sam"
ASIDE = "/var/valve/python"
"""Where our own Python shows to start extensions beside a runtime of another language."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A function ready to be planned. Paths are on the host unless said otherwise."""

    function: Function
    interpreter: Interpreter | Node | Bootstrap
    binds: tuple[Bind, ...]
    packages: tuple[str, ...] = ()
    """Folders inside with packages that are neither the function's own code nor a layer's."""
    bundles: tuple[str, ...] = ()
    """Paths inside of the certificate bundles that packages bring along."""
    extensions: tuple[str, ...] = ()
    """Names of the programs in `/opt/extensions`, which start beside the runtime."""
    beside: Mapping[str, bytes] = field(default_factory=dict)
    """What AWS lays beside code that stands in the template: name → content."""
    launcher: bytes = b""
    """The program that starts them, and the runtime then."""
    python: str = ""
    """The path inside of what runs that."""


def prepare(
    function: Function,
    cache: Cache,
    shims: Path,
    say: Callable[[str], None],
    allow_build: bool = False,
    own: Interpreter | None = None,
    others: Others = host.others,
) -> Prepared:
    """Prepare a function: blocking, and slow the first time. `shims` is the folder with our Python bootstrap;
    what is Node's lies beside it.

    Raises Invalid for code that is not here, runtimes that cannot be run and packages that cannot be
    installed.
    """
    spoken = language(function)
    if spoken is Language.NODE:
        made = _node(function, cache, shims.with_name("node"), say, allow_build)
    elif spoken is Language.OWN:
        made = _own(function, cache, say, allow_build)
    else:
        made = _python(function, cache, shims, say, allow_build, own or host.own(), others)
    made = replace(made, beside=_response(function, spoken, shims.with_name("inline")))
    return _launched(made, own, shims)


def _response(function: Function, spoken: Language, shims: Path) -> Mapping[str, bytes]:
    """Return the module by which code in the template answers CloudFormation, if it names one."""
    name = RESPONSES.get(spoken, "")
    if not name or PurePosixPath(name).stem not in (function.code.inline or ""):
        return {}
    return {name: files.content(shims / name)}


def _python(
    function: Function,
    cache: Cache,
    shims: Path,
    say: Callable[[str], None],
    allow_build: bool,
    own: Interpreter,
    others: Others,
) -> Prepared:
    """Prepare a function of Python: AWS's own client, and the packages that do not lie with the code."""
    interpreter, line = nearest(function, own, others)
    try:
        runtime = cache.runtime(interpreter, shims)
    except Unavailable as error:
        line = (
            f"{function.logical}: {interpreter.name} runs nothing, as its packages cannot be installed "
            f"({error}); {own.name} runs it"
        )
        interpreter = own
        try:
            runtime = cache.runtime(own, shims)
        except Unavailable as failed:
            raise Invalid(function.where, f"awslambdaric and boto3 cannot be installed: {failed}") from failed
    if line:
        say(line)
    shown = [*host.shown(interpreter, cache.empty()), (runtime, "/var/runtime")]
    packages: list[str] = []
    folder = _folder(function.code, cache, function.logical)
    if folder:
        shown.append((folder, "/var/task"))
        installed = _requirements(folder, interpreter, cache, allow_build)
        if installed:
            shown.append((installed, "/var/packages"))
            packages.append("/var/packages")
    shown += _layers(function, interpreter, cache, say, allow_build)
    return _prepared(function, interpreter, shown, packages)


def _prepared(
    function: Function,
    interpreter: Interpreter | Node | Bootstrap,
    shown: list[tuple[Path, str]],
    packages: list[str],
) -> Prepared:
    """Look for bundles of certificates in all that shows, and put it together."""
    found = tuple(
        f"{inside}/{path}"
        for there, inside in shown
        if inside.startswith(("/var/runtime", "/var/task", "/var/packages", "/opt"))
        for path in files.bundles(there, trust.BUNDLES)
    )
    binds = tuple(Bind(there, inside) for there, inside in shown)
    return Prepared(function, interpreter, binds, tuple(packages), found)


def _launched(prepared: Prepared, own: Interpreter | None, shims: Path) -> Prepared:
    """Have the extensions of a function's layers started; what starts them is run by our own Python where the
    function has none."""
    opt = next((bind.source for bind in prepared.binds if bind.target == "/opt"), None)
    names = files.programs(opt / "extensions") if opt else ()
    if not names:
        return prepared
    program, interpreter = files.content(shims / "_valve_extensions.py"), prepared.interpreter
    if isinstance(interpreter, Interpreter):
        return replace(prepared, extensions=names, launcher=program, python=interpreter.inside)
    ours = own or host.own()
    shown = host.aside(ours, ASIDE)
    path = f"{ASIDE}/bin/{ours.name}" if shown else ours.inside
    binds = (*prepared.binds, *(Bind(there, inside) for there, inside in shown))
    return replace(prepared, binds=binds, extensions=names, launcher=program, python=path)


def _node(
    function: Function, cache: Cache, shims: Path, say: Callable[[str], None], allow_build: bool
) -> Prepared:
    """Prepare a function of Node: AWS's own client, and what npm has of the packages that do not lie with the
    code.

    Why at the root: imports of modules look for `node_modules` in the folders above the code, and in no
    variable.
    """
    node, line = nearest_node(function, host.nodes())
    if line:
        say(line)
    try:
        shown = [*host.node_shown(node), (cache.node_client(node, shims), "/var/runtime")]
        folder = _folder(function.code, cache, function.logical)
        if folder:
            shown.append((folder, "/var/task"))
            if source := _unbuilt(function.handler, folder):
                say(f"{function.logical}: `{source}` is TypeScript and not built; run `sam build` first")
        layers = _layers(function, None, cache, say, allow_build, "nodejs")
        modules = [
            found
            for path in layered(function, node)
            for there, inside in layers
            if path.startswith(f"{inside}/")
            if (found := files.true_folder(there / path.removeprefix(f"{inside}/")))
        ]
        if needed := _node_needs(function, folder, [there for there, _ in layers], modules[:1]):
            shown += _node_packages(function, node, cache, needed, say)
    except Unavailable as error:
        raise Invalid(function.where, f"`{function.logical}`: {error}") from error
    shown += [(found, "/var/node_modules") for found in modules[:1]]
    return _prepared(function, node, shown + layers, [])


def _node_packages(
    function: Function, node: Node, cache: Cache, needed: Mapping[str, str], say: Callable[[str], None]
) -> list[tuple[Path, str]]:
    """Return what npm has of the packages, and where it is shown. Raises Unavailable where some of them are
    asked for; what is but named somewhere in the code, as in a message, may never be."""
    try:
        return [(cache.node_packages(node, needed), "/node_modules")]
    except Unavailable as error:
        if any(versions != node_packages.ANY for versions in needed.values()):
            raise
        say(f"{function.logical}: without {', '.join(sorted(needed))[:200]}, which its code names: {error}")
        return []


def _unbuilt(handler: str, folder: Path) -> str:
    """Return the file of TypeScript that a handler is in, where nothing that Node runs lies beside it."""
    path = PurePosixPath(handler)
    module = path.with_name(path.name.partition(".")[0]) if path.name else path
    if module.is_absolute() or ".." in module.parts:
        return ""
    built = files.lying(folder, [f"{module}{end}" for end in SCRIPTS])
    typed = files.lying(folder, [f"{module}{end}" for end in TYPED])
    return typed[0] if typed and not built else ""


def _node_needs(
    function: Function, folder: Path | None, layers: Sequence[Path], modules: Sequence[Path]
) -> Mapping[str, str]:
    """Return name → range of the packages that a function has to be given, its layers' modules left out."""
    there = files.true_folder(folder / "node_modules") if folder else None
    content = files.scripts(folder) if folder else ((function.code.inline or "").encode(),)
    scripts = chain(content, *(files.scripts(layer) for layer in layers))
    sdk = {name for script in scripts for name in node_packages.imported(script, function.runtime)}
    beside = (*modules, *((there,) if there else ()))
    needed = {
        name: node_packages.ANY for name in sdk if not any(files.true_folder(at / name) for at in beside)
    }
    text = files.text_of(folder / "package.json") if folder and there is None else None
    if folder is None or text is None or BUILT in folder.parts:
        return needed
    return {**needed, **node_packages.declared(text, str(folder / "package.json"))}


def _own(function: Function, cache: Cache, say: Callable[[str], None], allow_build: bool) -> Prepared:
    """Prepare a function that brings its own runtime. Raises Invalid when nothing can be started."""
    folder = _folder(function.code, cache, function.logical)
    shown = [] if folder is None else [(folder, "/var/task")]
    shown += _layers(function, None, cache, say, allow_build, "")
    roots = {inside: there for there, inside in shown}
    can = {
        path: files.executable(roots[root], name)
        for path in BOOTSTRAPS
        for root, _, name in [path.rpartition("/")]
        if root in roots
    }
    found = next((path for path, runs in can.items() if runs is not None), "")
    if not found and not function.runtime.startswith("provided"):
        problem = f"`{function.logical}`: the runtime `{function.runtime}` cannot be run by itself"
        remedy = "put a `bootstrap` that starts a client of it into its code or a layer (docs/LAMBDA.md)"
        raise Invalid(function.where, problem, remedy)
    if not found:
        problem = f"`{function.logical}`: there is no `bootstrap` in its code or its layers"
        raise Invalid(function.code.where, problem, f"`{function.runtime}` starts that file (is it built?)")
    if not can[found]:
        problem = f"`{function.logical}`: `{found}` may not be executed"
        raise Invalid(function.code.where, problem, "chmod +x bootstrap")
    if function.runtime.startswith("java"):
        shown += host.java_settings()
    return _prepared(function, Bootstrap(found), shown, [])


def _folder(code: Code, cache: Cache, logical: str) -> Path | None:
    """Return the folder that code is in; None for code in the template. Invalid when it is not here."""
    if code.missing:
        raise Invalid(code.where, f"`{logical}`: {code.missing}")
    if code.archive:
        return cache.archive(code.archive, code.where)
    if code.folder is None:
        return None
    folder = files.true_folder(code.folder)
    if folder is None:
        raise Invalid(
            code.where, f"`{logical}`: the folder `{code.folder}` is not there", "is it built (`sam build`)?"
        )
    if host.home().is_relative_to(folder):
        raise Invalid(
            code.where,
            f"`{logical}`: its code folder `{code.folder}` contains your home folder",
            "the function would see all of it; give the code a folder of its own",
        )
    return cache.readable(folder)


def _requirements(folder: Path, interpreter: Interpreter, cache: Cache, allow_build: bool) -> Path | None:
    """Install what `requirements.txt` beside the code names; None when that is nothing, or is built in."""
    file = folder / "requirements.txt"
    text = files.text_of(file)
    if text is None or BUILT in folder.parts:
        return None
    lines = requirements.read(text, str(file))
    return cache.packages(interpreter, lines, Where(str(file)), allow_build) if lines else None


def _layers(
    function: Function,
    interpreter: Interpreter | None,
    cache: Cache,
    say: Callable[[str], None],
    allow_build: bool,
    below: str = "python",
) -> list[tuple[Path, str]]:
    """Return what shows as `/opt`: every layer, the later ones over the earlier.

    `below` is the folder that the function's language looks into; `interpreter` installs what a layer for
    Python only names.
    """
    parts: list[tuple[Path, str]] = []
    for layer in function.layers:
        if layer.code.missing:
            package = _public(layer) if interpreter else ""
            if interpreter is None or not package:
                remedy = (
                    "; what it holds can be listed in the function's requirements.txt" if interpreter else ""
                )
                say(f"{function.logical}: the layer {layer.name} is left out: {layer.code.missing}{remedy}")
                continue
            say(f"{function.logical}: the package {package} stands in for the layer {layer.name}")
            lines = requirements.read(package, layer.name)
            parts.append((cache.packages(interpreter, lines, layer.code.where, allow_build), "python"))
            continue
        folder = _folder(layer.code, cache, layer.name)
        if folder is None:
            continue
        built, flat = files.layer_shape(folder, below)
        installed = None
        if interpreter and not built:
            installed = _requirements(folder, interpreter, cache, allow_build)
        if installed:
            parts.append((installed, below))
        parts.append((folder, below if flat else ""))
    if not parts:
        return []
    if len(parts) == 1:
        folder, below = parts[0]
        return [(folder, f"/opt/{below}" if below else "/opt")]
    return [(cache.merged(tuple(parts)), "/opt")]


def _public(layer: Layer) -> str:
    """Return the package that somebody else's layer is, "" when we know none."""
    named = f"{layer.name} {layer.code.missing}"
    by_name = NAMED_LAYERS.search(layer.code.missing)
    known = (package for part, package in PUBLIC_LAYERS.items() if part in named)
    return next(known, by_name.group(1) if by_name else "")
