"""Functions, versions, aliases and layers made over the API, and what environments then run.

Knows what a client sees. The answers themselves are held against AWS's recorded ones in tests/conformance.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import Town
from valve_aws.course.commands import Lost
from valve_aws.model.ports import Outcome
from valve_aws.passage.driver import Passage

ROLE = "arn:aws:iam::123456789012:role/r"


def packed(name: str, text: str) -> bytes:
    """Return a package with one file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        opened.writestr(zipfile.ZipInfo(name), text)  # Why: without a time, which a digest would show
    return content.getvalue()


def code(answer: str) -> bytes:
    """Return a function that answers with an expression."""
    return packed("app.py", f"import os\ndef handler(event, context):\n    return {answer}\n")


@pytest.fixture
def make(client: Any) -> Iterator[Callable[..., str]]:
    """Make functions that are gone afterwards."""
    made: list[str] = []

    def create(name: str, answer: str, **more: Any) -> str:
        client.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=ROLE,
            Code={"ZipFile": code(answer)},
            **more,
        )
        made.append(name)
        settled(client, name)
        return name

    yield create
    for name in {*made}:
        client.delete_function(FunctionName=name)


def settled(client: Any, name: str) -> None:
    """Wait until a function may be invoked and changed."""
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})


def told(client: Any, name: str, **more: Any) -> Any:
    """Return what a function answers."""
    return json.load(client.invoke(FunctionName=name, **more)["Payload"])


def test_a_function_runs_the_code_and_the_settings_that_it_has_now(client: Any, make: Any) -> None:
    name = make("changing", "[1, os.environ.get('WORD')]", Environment={"Variables": {"WORD": "a"}})
    assert told(client, name) == [1, "a"]
    client.update_function_code(FunctionName=name, ZipFile=code("[2, os.environ.get('WORD')]"))
    settled(client, name)
    assert told(client, name) == [2, "a"]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"WORD": "b"}})
    settled(client, name)
    assert told(client, name) == [2, "b"]


def test_a_version_stays_what_it_was_and_an_alias_goes_where_it_points(client: Any, make: Any) -> None:
    name = make("published", "['one', context.function_version, context.invoked_function_arn[-4:]]")
    assert client.publish_version(FunctionName=name)["Version"] == "1"
    client.update_function_code(FunctionName=name, ZipFile=code("['two', context.function_version, '']"))
    settled(client, name)
    assert client.publish_version(FunctionName=name)["Version"] == "2"
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert told(client, name, Qualifier="live") == ["one", "1", "live"]
    assert told(client, f"{name}:2") == ["two", "2", ""]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    answer = client.invoke(FunctionName=name, Qualifier="live")
    assert (json.load(answer["Payload"])[0], answer["ExecutedVersion"]) == ("two", "2")


def test_the_weights_of_an_alias_are_kept_to(client: Any, make: Any) -> None:
    name = make("weighed", "1")
    client.publish_version(FunctionName=name)
    client.update_function_code(FunctionName=name, ZipFile=code("2"))
    settled(client, name)
    client.publish_version(FunctionName=name)
    client.create_alias(
        FunctionName=name,
        Name="both",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    answers = {told(client, name, Qualifier="both") for _ in range(40)}
    assert answers == {1, 2}  # Why 40: one of them alone comes by chance once in 10^12 runs


def test_a_layer_lies_under_the_functions_that_name_it(client: Any, make: Any) -> None:
    layer = client.publish_layer_version(
        LayerName="lib", Content={"ZipFile": packed("python/lib.py", "WORD = 'from the layer'\n")}
    )
    name = make("layered", "__import__('lib').WORD", Layers=[layer["LayerVersionArn"]])
    assert told(client, name) == "from the layer"


def test_provisioned_environments_are_made_ahead_and_say_so(client: Any, make: Any) -> None:
    name = make("ahead", "[os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'], id(handler)]")
    client.publish_version(FunctionName=name)
    asked = {"FunctionName": name, "Qualifier": "1"}
    client.put_provisioned_concurrency_config(**asked, ProvisionedConcurrentExecutions=2)
    assert provisioned(client, asked)["Status"] == "READY"
    assert provisioned(client, asked)["AvailableProvisionedConcurrentExecutions"] == 2
    assert told(client, f"{name}:1")[0] == "provisioned-concurrency"
    assert told(client, name)[0] == "on-demand"


def test_what_was_provisioned_is_asked_for_anew_and_no_more(client: Any, make: Any, town: Town) -> None:
    name = make("withdrawn", "1")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    client.publish_version(FunctionName=name)
    asked = {"FunctionName": name, "Qualifier": "1"}
    for count in (2, 1, 2):
        client.put_provisioned_concurrency_config(**asked, ProvisionedConcurrentExecutions=count)
        assert provisioned(client, asked)["AllocatedProvisionedConcurrentExecutions"] == count
    held = town.valve._housing._spares
    assert [each.ready for key, each in held.items() if key.startswith(name)] == [2]
    client.delete_provisioned_concurrency_config(**asked)
    assert not [key for key in held if key.startswith(name)]


def test_of_a_function_that_is_gone_nothing_is_kept(client: Any, make: Any, town: Town) -> None:
    housing = town.valve._housing
    tables = (housing._prepared, housing._pools, housing._spares, housing._turns)

    def held() -> list[bool]:
        return [any("passing" in str(key) for key in table) for table in tables]

    name = make("passing", "1")
    assert told(client, name) == 1
    assert held() == [True] * 4
    client.delete_function(FunctionName=name)
    client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": code("2")}
    )
    settled(client, name)
    assert told(client, name) == 2
    client.delete_function(FunctionName=name)
    assert held() == [False] * 4
    make(name, "3")


def test_provisioned_environments_that_cannot_start_are_told_as_failed(client: Any, make: Any) -> None:
    name = make("broken", "1\nraise ValueError('no')")
    client.publish_version(FunctionName=name)
    asked = {"FunctionName": name, "Qualifier": "1"}
    client.put_provisioned_concurrency_config(**asked, ProvisionedConcurrentExecutions=1)
    found = provisioned(client, asked)
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")


def provisioned(client: Any, asked: dict[str, str]) -> Any:
    """Return what is provisioned, once it is there or never will be."""
    while True:
        found = client.get_provisioned_concurrency_config(**asked)
        if found["Status"] != "IN_PROGRESS":
            return found


def test_a_function_for_tenants_is_invoked_for_one_alone(client: Any, make: Any) -> None:
    name = make("leased", "context.tenant_id", TenancyConfig={"TenantIsolationMode": "PER_TENANT"})
    assert told(client, name, TenantId="blue") == "blue"
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        client.invoke(FunctionName=name)


def test_the_log_is_written_as_the_function_says(client: Any, make: Any) -> None:
    name = make("logging", "print('hello')", LoggingConfig={"LogFormat": "JSON"})
    answer = client.invoke(FunctionName=name, LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    kinds = [json.loads(line)["type"] for line in lines if line[:1] == "{"]
    assert (kinds[0], kinds[-1]) == ("platform.start", "platform.report")


def test_a_package_is_fetched_from_where_the_api_says_it_is(client: Any, make: Any) -> None:
    from urllib.request import urlopen

    name = make("fetched", "1")
    with urlopen(client.get_function(FunctionName=name)["Code"]["Location"]) as answer:
        assert answer.read() == code("1")


@pytest.mark.parametrize("name", ["../secret.zip", "..%2Fsecret.zip", "%2e%2e/secret.zip", "..%5Csecret.zip"])
def test_no_other_file_is_fetched_from_there(client: Any, make: Any, town: Town, name: str) -> None:
    where = urlsplit(client.get_function(FunctionName=make("beside", "1"))["Code"]["Location"])
    (town.folder / ".valve" / "secret.zip").write_text("theirs")
    asking = http.client.HTTPConnection(where.netloc)
    asking.request("GET", f"{where.path.rpartition('/')[0]}/{name}")
    answer = asking.getresponse()
    assert (answer.status, b"theirs" in answer.read()) == (404, False)
    asking.close()
    assert town.api.desk.engine.kept("../secret.zip") is None


def test_what_cannot_be_run_is_deployed_and_says_so_when_it_is_invoked(client: Any, town: Any) -> None:
    client.create_function(
        FunctionName="elsewhere",
        Runtime="java21",
        Handler="a.B",
        Role=ROLE,
        Code={"ZipFile": packed("a/B.class", "")},
    )
    settled(client, "elsewhere")
    answer = client.invoke(FunctionName="elsewhere")
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "Valve.FunctionUnavailable"
    assert any("java21" in line for line in town.lines)
    client.delete_function(FunctionName="elsewhere")


def test_a_function_that_is_deleted_is_gone(client: Any, make: Any) -> None:
    name = make("gone", "1")
    client.delete_function(FunctionName=name)
    with pytest.raises(ClientError, match=f"Function not found: .*:{name}"):
        client.invoke(FunctionName=name)
    make("gone", "2")
    assert told(client, name) == 2


@pytest.mark.parametrize("name", ["../../../../tmp/out", "/tmp/out"])
def test_a_package_unpacks_nowhere_but_in_its_own_folder(client: Any, name: str) -> None:
    client.create_function(
        FunctionName="astray",
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": packed(name, "x")},
    )
    settled(client, "astray")
    assert client.invoke(FunctionName="astray")["FunctionError"] == "Unhandled"
    client.delete_function(FunctionName="astray")
    assert not Path("/tmp/out").exists()


@pytest.mark.parametrize(
    "answer", [(404, b"no such service"), (200, b"not XML"), Lost(Outcome.FAILED, "gone")]
)
def test_networks_are_told_as_they_are_given_where_nobody_knows_of_any(
    make: Callable[..., str], client: Any, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    async def fetched(*_: Any) -> Any:
        if isinstance(answer, Lost):
            raise answer
        return answer

    monkeypatch.setattr(Passage, "fetch", fetched)
    make("inside", "1", VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})
    told = client.get_function_configuration(FunctionName="inside")["VpcConfig"]
    assert (told["SubnetIds"], told["SecurityGroupIds"], told["VpcId"]) == (["subnet-1"], ["sg-1"], "")
