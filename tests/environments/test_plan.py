"""What is prepared and planned: binds, files, variables, the first command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.nodes import node
from valve_aws.environments import host
from valve_aws.environments.cache import Cache
from valve_aws.environments.interpreters import Interpreter
from valve_aws.environments.plan import plan, variables
from valve_aws.environments.prepare import Prepared, _public, prepare
from valve_aws.model.call import Key
from valve_aws.model.plan import Plan
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Code, Function, Layer

SHIMS = Path(__file__).parents[2] / "shims" / "python"
KEY = Key("ASIAPLACEHOLDER00001", "secret", "token")
OWN = host.own()
POWERTOOLS = "aws-lambda-powertools[all]"
CA = b"-----BEGIN CERTIFICATE-----\n"


def function(code: Code, **changes: Any) -> Function:
    return Function("Fn", "fn", "arn", "index.handler", OWN.name, code, **changes)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def cache(shared_cache: Path, said: list[str]) -> Cache:
    return Cache(shared_cache, said.append)


def planned(prepared: Prepared, authority: bytes = b"") -> Plan:
    return plan(prepared, KEY, region="eu-west-1", stream="2026/01/01/[$LATEST]0", authority=authority)


def bound(prepared: Prepared) -> dict[str, Path]:
    return {bind.target: bind.source for bind in prepared.binds}


def test_code_that_only_root_may_read_shows_as_a_copy_that_the_function_can(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.py").write_text("secret = 1")
    (tmp_path / "index.py").chmod(0o600)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    shown = bound(prepare(function(Code(folder=tmp_path)), cache, SHIMS, print))["/var/task"]
    assert shown != tmp_path
    assert (shown / "index.py").read_text() == "secret = 1"
    assert (shown / "index.py").stat().st_mode & 0o004
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert bound(prepare(function(Code(folder=tmp_path)), cache, SHIMS, print))["/var/task"] == tmp_path


def test_a_folder_of_code_shows_as_it_is(tmp_path: Path, cache: Cache) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "index.py").write_text("")
    prepared = prepare(function(Code(folder=tmp_path)), cache, SHIMS, print)
    made = planned(prepared)
    assert bound(prepared)["/var/task"] == tmp_path
    assert made.directory == "/var/task"
    assert made.argv[-2:] == ("-S", "/var/runtime/bootstrap.py")
    assert "/var/packages" not in made.environ["PYTHONPATH"]


def test_code_in_the_template_is_a_module_named_index(cache: Cache) -> None:
    prepared = prepare(function(Code(inline="def handler(e, c): pass")), cache, SHIMS, print)
    assert planned(prepared).files == {"/var/task/index.py": b"def handler(e, c): pass"}
    assert "/var/task" not in bound(prepared)


@pytest.mark.parametrize(
    ("runtime", "source", "beside"),
    [
        (OWN.name, "import cfnresponse", {"cfnresponse.py"}),
        (OWN.name, "import os", set()),
        ("nodejs20.x", "const r = require('cfn-response')", {"cfn-response.js"}),
        ("nodejs20.x", "exports.handler = 1 // cfnresponse", set()),
    ],
)
def test_code_in_the_template_that_answers_cloudformation_has_the_module_for_it(
    runtime: str, source: str, beside: set[str], cache: Cache
) -> None:
    if runtime.startswith("node"):
        node()
    wanted = replace(function(Code(inline=source)), runtime=runtime)
    laid = planned(prepare(wanted, cache, SHIMS, print)).files
    assert {path.removeprefix("/var/task/") for path in laid} - {"index.py", "index.js"} == beside


def test_code_in_a_folder_brings_its_own(tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "index.py").write_text("import cfnresponse")
    assert planned(prepare(function(Code(folder=tmp_path)), cache, SHIMS, print)).files == {}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            Code(missing="its code is at `s3://b/k`", where=Where("t.yaml", 3)),
            "t.yaml:3: `Fn`: its code is at",
        ),
        (Code(folder=Path("/nowhere/at/all"), where=Where("t.yaml", 4)), "t.yaml:4: `Fn`: the folder"),
        (
            Code(folder=Path("/"), where=Where("t.yaml", 5)),
            "t.yaml:5: `Fn`: its code folder `/` contains your",
        ),
    ],
)
def test_code_that_cannot_show_is_refused_where_it_is_named(code: Code, told: str, cache: Cache) -> None:
    with pytest.raises(Invalid) as refused:
        prepare(function(code), cache, SHIMS, print)
    assert str(refused.value).startswith(told)


def test_the_home_folder_itself_is_no_code_folder(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(Invalid, match="contains your home folder"):
        prepare(function(Code(folder=tmp_path / "link")), cache, SHIMS, print)


def test_nothing_of_the_hosts_packages_shows_with_the_interpreter(cache: Cache) -> None:
    shown = host.shown(OWN, cache.empty())
    if OWN.prefix == Path("/usr"):
        assert [inside for _, inside in shown] == ["/var/lang/bin/python3", "/var/lang/bin/python"]
    else:
        inside = {target: source for source, target in shown}
        assert inside[f"/var/lang/bin/{OWN.name}"] == OWN.executable
        assert inside["/var/lang/lib"] == OWN.prefix / "lib"
        assert list(inside[f"/var/lang/lib/{OWN.name}/site-packages"].iterdir()) == []


def test_the_systems_own_interpreter_runs_from_its_place(cache: Cache) -> None:
    system = Interpreter(Path("/usr/bin/python3.11"), (3, 11), Path("/usr"))
    shown = [inside for _, inside in host.shown(system, cache.empty())]
    assert shown == ["/var/lang/bin/python3", "/var/lang/bin/python"]
    prepared = Prepared(function(Code(inline="")), system, ())
    assert planned(prepared).argv == ("/usr/bin/python3.11", "-S", "/var/runtime/bootstrap.py")


def test_the_wrapper_of_a_function_runs_first(cache: Cache) -> None:
    wrapped = function(Code(inline=""), environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"})
    prepared = Prepared(wrapped, OWN, ())
    assert planned(prepared).argv[0] == "/opt/wrap"
    assert planned(prepared).argv[-1] == "/var/runtime/bootstrap.py"


def test_a_function_cannot_set_what_is_reserved_nor_turn_the_runtime_into_another() -> None:
    chosen = {
        "AWS_REGION": "mars",
        "AWS_ACCESS_KEY_ID": "mine",
        "_HANDLER": "other",
        "LAMBDA_TASK_ROOT": "/tmp",
        "AWS_LAMBDA_RUNTIME_API": "evil:1",
        "AWS_LAMBDA_MAX_CONCURRENCY": "4",
        "_LAMBDA_TELEMETRY_LOG_FD": "1",
        "PYTHONPATH": "/var/task/src",
        "TABLE": "t",
    }
    prepared = Prepared(function(Code(inline=""), environment=chosen), OWN, (), ("/var/packages",))
    made = variables(prepared, KEY, region="eu-west-1", stream="s")
    assert made["AWS_REGION"] == made["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert made["AWS_ACCESS_KEY_ID"] == KEY.access_key
    assert (made["_HANDLER"], made["LAMBDA_TASK_ROOT"], made["TABLE"]) == ("index.handler", "/var/task", "t")
    assert made["PYTHONPATH"] == "/var/task/src:/var/packages:/var/runtime"
    assert made["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
    assert not {"AWS_LAMBDA_MAX_CONCURRENCY", "_LAMBDA_TELEMETRY_LOG_FD"} & set(made)


def test_the_runs_authority_lies_over_every_bundle(tmp_path: Path, cache: Cache) -> None:
    from cryptography.x509.oid import NameOID

    from tests.environments.test_trust import certificate

    authority = certificate((NameOID.COMMON_NAME, "valve"))
    (tmp_path / "certifi").mkdir()
    (tmp_path / "certifi" / "cacert.pem").write_text("bundle")
    made = planned(prepare(function(Code(folder=tmp_path)), cache, SHIMS, print), authority)
    assert {
        "/var/task/certifi/cacert.pem",
        "/var/runtime/botocore/cacert.pem",
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
    } <= set(made.files)
    assert set(made.files.values()) == {authority}


@pytest.mark.parametrize(
    ("cafile", "variable", "file"),
    [
        ("/usr/lib/ssl/cert.pem", False, False),
        ("/usr/local/ssl/cert.pem", True, False),
        ("/opt/python/ssl/cert.pem", False, True),
    ],
)
def test_a_library_that_looks_elsewhere_is_shown_the_authority_there(
    cafile: str, variable: bool, file: bool
) -> None:
    from cryptography.x509.oid import NameOID

    from tests.environments.test_trust import certificate

    prepared = Prepared(function(Code(inline="")), replace(OWN, cafile=cafile), ())
    made = planned(prepared, certificate((NameOID.COMMON_NAME, "valve")))
    assert ("SSL_CERT_FILE" in made.environ, cafile in made.files) == (variable, file)


def layer(folder: Path, name: str, **files: str) -> Layer:
    for path, text in files.items():
        target = folder / name / path.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return Layer(name, Code(folder=folder / name))


def test_one_layer_shows_as_it_is_and_several_as_one(tmp_path: Path, cache: Cache) -> None:
    one = layer(tmp_path, "one", **{"python__a.py": "1"})
    two = layer(tmp_path, "two", **{"python__a.py": "2"})
    single = prepare(function(Code(inline=""), layers=(one,)), cache, SHIMS, print)
    assert bound(single)["/opt"] == tmp_path / "one"
    both = prepare(function(Code(inline=""), layers=(one, two)), cache, SHIMS, print)
    assert (bound(both)["/opt"] / "python" / "a.py").read_text() == "2"


def missing(arn: str) -> Layer:
    return Layer(arn.split(":")[-2], Code(missing=f"somebody else's layer, not on this machine: {arn}"))


@pytest.mark.parametrize(
    ("arn", "package"),
    [
        ("arn:aws:lambda:us-east-1:770693421928:layer:Klayers-p310-Pillow:7", "Pillow"),
        ("arn:aws:lambda:us-east-1:770693421928:layer:Klayers-p312-arm64-numpy:3", "numpy"),
        ("arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV2:1", POWERTOOLS),
        ("arn:aws:lambda:us-east-1:1:layer:theirs:1", ""),
        ("arn:aws:lambda:us-east-1:1:layer:Klayers-p310---index-url:1", ""),
    ],
)
def test_a_public_layer_is_known_by_the_package_in_its_name(arn: str, package: str) -> None:
    assert _public(missing(arn)) == package


def test_a_layer_that_is_not_built_shows_where_python_looks(tmp_path: Path, cache: Cache) -> None:
    flat = layer(tmp_path, "flat", **{"a.py": "1"})
    prepared = prepare(function(Code(inline=""), layers=(flat,)), cache, SHIMS, print)
    assert bound(prepared)["/opt/python"] == tmp_path / "flat"


def test_somebody_elses_layer_is_left_out_with_a_line(cache: Cache, said: list[str]) -> None:
    arn = "arn:aws:lambda:us-east-1:111122223333:layer:theirs:7"
    elsewhere = Layer(arn, Code(missing="it is in another account"))
    prepare(function(Code(inline=""), layers=(elsewhere,)), cache, SHIMS, said.append)
    assert said == [
        f"Fn: the layer {arn} is left out: it is in another account;"
        " what it holds can be listed in the function's requirements.txt"
    ]


def test_requirements_beside_the_code_are_refused_with_their_line(tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "requirements.txt").write_text("requests\n-e ..\n")
    with pytest.raises(Invalid, match=r"requirements\.txt:2: the option `-e`"):
        prepare(function(Code(folder=tmp_path)), cache, SHIMS, print)


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_empty_requirements_are_none(text: str, tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "requirements.txt").write_text(text)
    assert prepare(function(Code(folder=tmp_path)), cache, SHIMS, print).packages == ()


def test_what_was_built_has_its_packages_in_it(tmp_path: Path, cache: Cache) -> None:
    built = tmp_path / ".aws-sam" / "build" / "Fn"
    built.mkdir(parents=True)
    (built / "requirements.txt").write_text("nowhere-at-all\n")
    assert prepare(function(Code(folder=built)), cache, SHIMS, print).packages == ()


def test_when_another_interpreters_packages_cannot_be_had_our_own_runs(
    cache: Cache, tmp_path: Path, said: list[str]
) -> None:
    fake = tmp_path / "python3.12"
    fake.write_text("#!/bin/sh\necho 'ERROR: no index' >&2\nexit 1\n")
    fake.chmod(0o755)
    other = Interpreter(fake, (3, 88), tmp_path)
    wanted = replace(function(Code(inline="")), runtime="python3.88")
    prepared = prepare(wanted, cache, SHIMS, said.append, own=OWN, others=lambda want, limit: [other])
    assert prepared.interpreter == OWN
    assert said[-1].startswith("Fn: python3.88 runs nothing, as its packages cannot be installed (no index)")
