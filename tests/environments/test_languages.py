"""What runs functions that are not Python's, and what they find; the walls and the clients are real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.nodes import node
from valve_aws.environments import node_packages
from valve_aws.environments.cache import Cache
from valve_aws.environments.languages import Bootstrap, Language, Node, language, nearest_node
from valve_aws.environments.plan import plan
from valve_aws.environments.prepare import Prepared, prepare
from valve_aws.environments.unguarded import on_host
from valve_aws.environments.zygote import zygote_plan
from valve_aws.model.call import Key
from valve_aws.model.invocation import Done
from valve_aws.model.plan import Bind, Plan
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Code, Function, Layer
from valve_aws.sandbox import spawn

if TYPE_CHECKING:
    from tests.environments.conftest import World

SHIMS = Path(__file__).parents[2] / "shims" / "python"
KEY = Key("ASIAPLACEHOLDER00001", "secret", "token")
CA = b"-----BEGIN CERTIFICATE-----\n"
NODE = Node(Path("/usr/bin/node"), 20)


def function(runtime: str, code: Code | None = None, **more: Any) -> Function:
    return Function("Fn", "fn", "arn", "index.handler", runtime, code or Code(inline=""), **more)


def planned(prepared: Prepared) -> Plan:
    return plan(prepared, KEY, region="eu-west-1", stream="2026/01/01/[$LATEST]0", authority=b"")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", lambda _: None)


@pytest.mark.parametrize(
    ("runtime", "found"),
    [
        ("python3.13", Language.PYTHON),
        ("nodejs22.x", Language.NODE),
        ("provided", Language.OWN),
        ("provided.al2023", Language.OWN),
        ("java21", Language.OWN),
        ("dotnet8", Language.OWN),
        ("ruby3.3", Language.OWN),
    ],
)
def test_a_runtime_says_what_a_function_is_written_for(runtime: str, found: Language) -> None:
    assert language(function(runtime)) is found


@pytest.mark.parametrize("runtime", ["go1.x", "cobol85"])
def test_a_runtime_that_cannot_be_run_is_refused_by_name(runtime: str) -> None:
    with pytest.raises(Invalid, match=f"`Fn`: the runtime `{runtime}` cannot be run; `python3"):
        language(function(runtime))


@pytest.mark.parametrize("runtime", ["java8.al2", "java21", "dotnet8", "ruby3.3"])
def test_what_nothing_here_starts_is_refused_by_name_until_a_bootstrap_starts_it(
    runtime: str, tmp_path: Path, cache: Cache
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    own = function(runtime, Code(folder=code), where=Where("t.yaml", 3, 5))
    with pytest.raises(Invalid, match=f"t.yaml:3:5: .*the runtime `{runtime}` cannot be run by itself; put"):
        prepare(own, cache, SHIMS, print)
    (code / "bootstrap").write_text("#!/bin/sh")
    (code / "bootstrap").chmod(0o755)
    assert prepare(own, cache, SHIMS, print).interpreter == Bootstrap("/var/task/bootstrap")


def test_a_function_without_a_runtime_is_told_so() -> None:
    with pytest.raises(Invalid, match="`Fn` has no `Runtime`; write `Runtime: "):
        language(function(""))


def test_a_container_image_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="container image"):
        language(function("", package="Image"))


@pytest.mark.parametrize(
    ("runtime", "there", "taken"),
    [
        ("nodejs20.x", [18, 20, 22], 20),
        ("nodejs22.x", [18, 20], 20),
        ("nodejs16.x", [14, 18, 20], 18),
        ("nodejs24.x", [22], 22),
        ("nodejs", [20], 20),
    ],
)
def test_the_nearest_node_is_taken_and_told(runtime: str, there: list[int], taken: int) -> None:
    nodes = [Node(Path(f"/opt/{major}/node"), major) for major in there]
    node, line = nearest_node(function(runtime), nodes)
    assert node.major == taken
    assert line == (
        "" if node.name == runtime else f"Fn: {runtime} is not on this host, Node {taken} runs it"
    )


def test_a_host_without_a_node_says_what_to_do() -> None:
    with pytest.raises(Invalid, match=r"there is no Node on this host.*install Node 22"):
        nearest_node(function("nodejs22.x"), [Node(Path("/opt/node"), 14)])
    with pytest.raises(Invalid, match="there is no runtime `nodejs20`"):
        nearest_node(function("nodejs20"), [NODE])


def test_node_trusts_the_valve_whatever_the_function_has_chosen() -> None:
    chosen = {"NODE_EXTRA_CA_CERTS": "/var/runtime/ca-cert.pem", "NODE_PATH": "/var/task/lib"}
    made = planned(Prepared(function("nodejs20.x", environment=chosen), NODE, ()))
    assert made.environ["NODE_EXTRA_CA_CERTS"] == "/etc/ssl/certs/ca-certificates.crt"
    assert made.environ["NODE_PATH"].startswith("/var/task/lib:/opt/nodejs/node20/node_modules:")
    assert "NODE_TLS_REJECT_UNAUTHORIZED" not in made.environ
    assert "PYTHONPATH" not in made.environ
    assert made.files["/var/task/index.js"] == b""


def test_layers_are_looked_into_by_the_version_that_the_function_names(tmp_path: Path, cache: Cache) -> None:
    node()
    other = tmp_path / "layer" / "nodejs" / "node99" / "node_modules" / "of-a-layer"
    other.mkdir(parents=True)
    layers = (Layer("L", Code(folder=tmp_path / "layer")),)
    made = planned(prepare(function("nodejs99.x", layers=layers), cache, SHIMS, print))
    assert made.environ["NODE_PATH"].startswith("/opt/nodejs/node99/node_modules:/opt/nodejs/node_modules:")
    assert {bind.target: bind.source.parts[-2:] for bind in made.binds}["/var/node_modules"] == (
        "node99",
        "node_modules",
    )


@pytest.fixture
def unreachable(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the registry answer nobody, once the client is here."""
    node()
    prepare(function("nodejs20.x"), cache, SHIMS, print)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")


@pytest.mark.usefixtures("unreachable")
def test_what_a_bundle_but_names_need_not_be_had(cache: Cache) -> None:
    code = Code(inline='throw new Error(`call [require("@aws-sdk/signature-v4-of-another");]`)')
    said: list[str] = []
    made = planned(prepare(function("nodejs20.x", code), cache, SHIMS, said.append))
    assert "/node_modules" not in {bind.target for bind in made.binds}
    (line,) = said
    assert line.startswith("Fn: without @aws-sdk/signature-v4-of-another, which its code names: npm")


@pytest.mark.usefixtures("unreachable")
def test_what_a_function_asks_for_must_be_had(tmp_path: Path, cache: Cache) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "package.json").write_text(json.dumps({"dependencies": {"of-nobody-at-all": "1.0.0"}}))
    (code / "index.js").write_text("")
    with pytest.raises(Invalid, match="`Fn`: npm could not install"):
        prepare(function("nodejs20.x", Code(folder=code)), cache, SHIMS, print)


def test_packages_that_were_installed_are_found_without_a_view_of_its_own(tmp_path: Path) -> None:
    shown = (Bind(tmp_path / "client", "/var/runtime"), Bind(tmp_path / "packages", "/node_modules"))
    made = planned(Prepared(function("nodejs20.x"), NODE, shown))
    plain, _ = on_host(made, tmp_path, 1, 2)
    assert plain.environ["NODE_PATH"].split(":")[-1] == str(tmp_path / "packages")
    assert str(tmp_path / "client") in plain.environ["NODE_PATH"].split(":")


def test_the_heap_of_node_follows_the_memory_and_a_wrapper_comes_first() -> None:
    wrapped = function("nodejs20.x", environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"}, memory=1000)
    argv = planned(Prepared(wrapped, NODE, ())).argv
    assert argv[:2] == ("/opt/wrap", "/usr/bin/node")
    assert "--max-old-space-size=900" in argv


def test_a_runtime_of_its_own_has_neither_wrapper_nor_name() -> None:
    own = function("provided.al2023", environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"})
    made = planned(Prepared(own, Bootstrap("/opt/bootstrap"), ()))
    assert made.argv == ("/opt/bootstrap",)
    assert "AWS_EXECUTION_ENV" not in made.environ


def test_a_bootstrap_of_a_runtime_with_a_name_has_both() -> None:
    own = function("java21", environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap", "AWS_EXECUTION_ENV": "x"})
    made = planned(Prepared(own, Bootstrap("/opt/bootstrap"), ()))
    assert made.argv == ("/opt/wrap", "/opt/bootstrap")
    assert made.environ["AWS_EXECUTION_ENV"] == "AWS_Lambda_java21"


def test_only_python_has_a_zygote() -> None:
    for runner in (NODE, Bootstrap("/var/task/bootstrap")):
        assert zygote_plan(planned(Prepared(function("nodejs20.x"), runner, ()))) is None


def test_the_code_comes_before_the_layers_and_what_cannot_start_is_told(tmp_path: Path, cache: Cache) -> None:
    code, layer = tmp_path / "code", tmp_path / "layer"
    code.mkdir()
    layer.mkdir()
    own = function("provided.al2", Code(folder=code), layers=(Layer("L", Code(folder=layer)),))
    with pytest.raises(Invalid, match="there is no `bootstrap` in its code or its layers"):
        prepare(own, cache, SHIMS, print)
    (layer / "bootstrap").write_text("#!/bin/sh")
    with pytest.raises(Invalid, match="`/opt/bootstrap` may not be executed; chmod"):
        prepare(own, cache, SHIMS, print)
    (layer / "bootstrap").chmod(0o755)
    assert prepare(own, cache, SHIMS, print).interpreter == Bootstrap("/opt/bootstrap")
    (code / "bootstrap").write_text("#!/bin/sh")
    (code / "bootstrap").chmod(0o755)
    assert prepare(own, cache, SHIMS, print).interpreter == Bootstrap("/var/task/bootstrap")


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ('import { S3Client } from "@aws-sdk/client-s3";', {"@aws-sdk/client-s3"}),
        ("const s=require('@aws-sdk/lib-dynamodb')", {"@aws-sdk/lib-dynamodb"}),
        ('await import("@smithy/node-http-handler")', {"@smithy/node-http-handler"}),
        ('import"@aws-sdk/client-sqs"', {"@aws-sdk/client-sqs"}),
        ('name: "@aws-sdk/client-s3"', set()),
        ("const x = 1", set()),
    ],
)
def test_what_a_script_imports_of_the_sdk_is_seen(script: str, found: set[str]) -> None:
    assert set(node_packages.imported(script.encode(), "nodejs20.x")) == found


@pytest.mark.parametrize(
    ("script", "runtime", "there"),
    [
        ("const AWS = require('aws-sdk')", "nodejs16.x", True),
        ("const AWS = require('aws-sdk')", "nodejs8.10", True),
        ("const AWS = require('aws-sdk')", "nodejs", True),
        ('import S3 from "aws-sdk/clients/s3.js"', "nodejs14.x", True),
        ("const AWS = require('aws-sdk')", "nodejs18.x", False),
        ("require('aws-sdk-mock'); require('my-aws-sdk')", "nodejs16.x", False),
    ],
)
def test_the_older_sdk_is_there_as_long_as_lambda_has_it(script: str, runtime: str, there: bool) -> None:
    assert set(node_packages.imported(script.encode(), runtime)) == ({"aws-sdk"} if there else set())


def test_what_a_layer_imports_of_the_sdk_is_there_too(
    tmp_path: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the function's code imports nothing of it; what lies with either is not had again."""
    layer, modules = tmp_path / "layer" / "nodejs", tmp_path / "other" / "nodejs" / "node_modules"
    layer.mkdir(parents=True)
    (layer / "shared.js").write_text("require('aws-sdk'); require('@aws-sdk/client-s3')")
    (modules / "@aws-sdk" / "client-s3").mkdir(parents=True)
    needed: list[Mapping[str, str]] = []
    monkeypatch.setattr(Cache, "node_packages", lambda _, there, needs: needed.append(needs) or tmp_path)
    layers = (Layer("L", Code(folder=layer.parent)), Layer("M", Code(folder=modules.parents[1])))
    made = function("nodejs16.x", Code(inline="exports.handler = async () => 1"), layers=layers)
    prepare(made, Cache(shared_cache, lambda _: None), SHIMS, print)
    assert needed == [{"aws-sdk": "*"}]


@pytest.mark.parametrize(
    ("lying", "handler", "told"),
    [
        (["index.ts"], "index.handler", "index.ts"),
        (["src/app.mts"], "src/app.handler", "src/app.mts"),
        (["index.ts", "index.js"], "index.handler", ""),
        (["index.ts", "index.mjs"], "index.handler", ""),
        (["other.ts"], "index.handler", ""),
        ([], "index.handler", ""),
        (["index.ts"], "../index.handler", ""),
        (["index.ts"], "", ""),
    ],
)
def test_typescript_that_was_not_built_is_said(
    lying: list[str], handler: str, told: str, tmp_path: Path, shared_cache: Path
) -> None:
    node()
    for name in lying:
        (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / name).write_text("")
    (tmp_path / "code").mkdir(exist_ok=True)
    made = Function("Fn", "fn", "arn", handler, "nodejs20.x", Code(folder=tmp_path / "code"))
    said: list[str] = []
    prepare(made, Cache(shared_cache, lambda _: None), SHIMS, said.append)
    lines = [line for line in said if "TypeScript" in line]
    assert lines == ([f"Fn: `{told}` is TypeScript and not built; run `sam build` first"] if told else [])


@pytest.mark.parametrize(
    "versions",
    [
        "file:../secrets",
        "git+ssh://host/x",
        "https://host/x.tgz",
        "someone/repository",
        "../x",
        "",
        "--global",
    ],
)
def test_a_package_is_asked_for_by_its_version_or_not_at_all(versions: str) -> None:
    text = json.dumps({"dependencies": {"x": versions}})
    if versions == "--global":  # a range to npm: it comes behind the name
        assert node_packages.declared(text, "package.json") == {"x": versions}
        return
    with pytest.raises(Invalid, match="the package `x` is not asked for by its version"):
        node_packages.declared(text, "package.json")


@pytest.mark.parametrize("name", ["--global", "../x", "@a", "x y", "", "/etc"])
def test_no_name_of_a_package_is_an_option_or_a_path(name: str) -> None:
    with pytest.raises(Invalid):
        node_packages.declared(json.dumps({"dependencies": {name: "1"}}), "package.json")


def run(world: World, runtime: str, files: dict[str, str], *events: bytes, **more: Any) -> list[Done]:
    """Run a function of these files behind the real walls."""
    world.how = spawn
    for name, text in files.items():
        path = world.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    environment = world.environment("", runtime=runtime, **more)

    async def life() -> list[Done]:
        await environment.start()
        try:
            return [await environment.invoke(f"id-{n}", event) for n, event in enumerate(events)]
        finally:
            await environment.close()

    return asyncio.run(life())


def test_a_function_of_node_runs_behind_the_walls(world: World) -> None:
    there = node()
    source = """
exports.handler = async (event, context) => ({
  event, cwd: process.cwd(), file: __filename, name: context.functionName, id: context.awsRequestId,
  env: process.env.AWS_EXECUTION_ENV, packages: require("nothing-but-this"), layer: require("of-a-layer"),
});"""
    layer = world.folder.parent / "layer" / "nodejs" / "node_modules" / "of-a-layer"
    layer.mkdir(parents=True)
    (layer / "index.js").write_text("module.exports = 'layered'")
    files = {"app.js": source, "node_modules/nothing-but-this/index.js": "module.exports = 'there'"}
    layers = (Layer("L", Code(folder=world.folder.parent / "layer")),)
    first, second = run(world, there.name, files, b'{"n": 1}', b"[]", layers=layers)
    told = json.loads(first.payload)
    assert told == {
        "event": {"n": 1},
        "cwd": "/var/task",
        "file": "/var/task/app.js",
        "name": "fn",
        "id": "id-0",
        "env": f"AWS_Lambda_{there.name}",
        "packages": "there",
        "layer": "layered",
    }
    assert json.loads(second.payload)["id"] == "id-1"


def test_modules_of_node_find_a_layer_too(world: World) -> None:
    layer = world.folder.parent / "layer" / "nodejs" / "node_modules" / "of-a-layer"
    layer.mkdir(parents=True)
    (layer / "index.js").write_text("module.exports = 'layered'")
    source = 'import found from "of-a-layer";\nexport const handler = async () => found;'
    layers = (Layer("L", Code(folder=world.folder.parent / "layer")),)
    (done,) = run(world, node().name, {"app.mjs": source}, b"{}", layers=layers)
    assert done.payload == b'"layered"'


@pytest.mark.parametrize(
    ("bootstrap", "said"),
    [
        ("#!/no/such/interpreter\n", "no such file or directory"),
        ("echo what has no first line\n", "exec format error"),
        ("\x7fELF of another machine", "exec format error"),
    ],
)
def test_a_bootstrap_that_cannot_be_executed_is_told_as_aws_tells_it(
    bootstrap: str, said: str, world: World
) -> None:
    first, second = run(world, "provided.al2023", {"bootstrap": bootstrap}, b"1", b"2")
    for n, done in enumerate((first, second)):
        assert json.loads(done.payload) == {
            "errorType": "Runtime.InvalidEntrypoint",
            "errorMessage": f"RequestId: id-{n} Error: fork/exec /var/task/bootstrap: {said}",
        }
    assert "Runtime.InvalidEntrypoint" in world.text("platform")


def test_a_bootstrap_of_the_function_s_own_runs_behind_the_walls(world: World) -> None:
    source = """#!/bin/sh
base="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while head=$(mktemp) && event=$(curl -sS -D "$head" "$base/next"); do
  id=$(tr -d '\\r' < "$head" | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  told="\\"$_HANDLER\\", \\"$PWD\\", \\"${AWS_EXECUTION_ENV:-none}\\""
  curl -sS "$base/$id/response" -d "[$event, $told]" >&2
done
"""
    done = run(world, "provided.al2023", {"bootstrap": source}, b'{"n": 1}', b"2")
    assert [json.loads(each.payload) for each in done] == [
        [{"n": 1}, "app.handler", "/var/task", "none"],
        [2, "app.handler", "/var/task", "none"],
    ]


def test_extensions_run_beside_a_runtime_of_any_language(world: World) -> None:
    layer = world.folder.parent / "layer" / "extensions"
    layer.mkdir(parents=True)
    (layer / "probe").write_text("""#!/bin/sh
base="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -H 'Lambda-Extension-Name: probe' "$base/register" \\
  -d '{"events": ["INVOKE"]}' | tr -d '\\r' | sed -n 's/^Lambda-Extension-Identifier: //Ip')
while curl -sS -H "Lambda-Extension-Identifier: $id" "$base/event/next"; do echo; done
""")
    (layer / "probe").chmod(0o755)
    layers = (Layer("L", Code(folder=layer.parent)),)
    source = {"app.js": "exports.handler = async (event) => event;"}
    done = run(world, node().name, source, b"1", b"2", layers=layers)
    assert [each.payload for each in done] == [b"1", b"2"]
    heard = [json.loads(line)["eventType"] for stream, line in world.lines if stream == "extension"]
    assert heard == ["INVOKE", "INVOKE"]
