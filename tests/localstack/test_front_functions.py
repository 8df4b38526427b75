"""Functions as LocalStack's control plane has them: versions, layers, time-outs, errors, logs, many at once.

Knows AWS's own shapes of these. Does not know how LocalStack tells the front.
"""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.localstack.town import ROLE, Town, packed

ALICE = "alice@example.org"
REFUSED = "Valve.ResultRefused"


def test_a_result_leaves_only_where_it_may(town: Town) -> None:
    town.mode("audit")
    assert town.invoke("FrontLearner", {"case": "result", "read": True})[0]["told"] == f"result {ALICE}"
    town.mode("enforce")
    refused, answer = town.invoke("FrontLearner", {"case": "result", "read": True})
    assert (refused["errorType"], answer["FunctionError"]) == (REFUSED, "Unhandled")
    assert town.invoke("FrontLearner", {"case": "result"})[0]["told"] == "result nobody"


def test_a_version_and_an_alias_run_their_own_code_under_the_function_s_policy(town: Town) -> None:
    town.mode("enforce")
    name, functions = "FrontVersions", town.client("lambda")
    arn = town.function(name, "learner")
    assert functions.publish_version(FunctionName=name)["Version"] == "1"
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    second = "def handler(event, context):\n    return {'second': context.function_version}\n"
    functions.update_function_code(FunctionName=name, ZipFile=packed({"app.py": second}))
    town.active(name)
    assert town.invoke(name, {})[0] == {"second": "$LATEST"}
    event = {"case": "versions", "send": True}
    for qualifier in ("1", "live"):
        told, answer = town.invoke(name, event, Qualifier=qualifier)
        assert told == {"told": "versions nobody", "version": "1", "arn": f"{arn}:{qualifier}"}
        assert answer["ExecutedVersion"] == "1"
        assert town.invoke(name, {**event, "read": True}, Qualifier=qualifier)[0]["errorType"] == REFUSED
    assert not town.arrived("front-public", f"versions {ALICE}")
    town.mode("audit")
    told, _ = town.invoke(name, {"case": "version-leaks", "send": True, "read": True}, Qualifier="live")
    assert told["told"] == f"version-leaks {ALICE}"
    assert town.arrived("front-public", "version-leaks")


def test_what_a_layer_sends_is_judged_like_the_function_s_own(town: Town) -> None:
    source = (town.sources / "learner.py").read_text()
    layer = town.client("lambda").publish_layer_version(
        LayerName="front-layer", Content={"ZipFile": packed({"python/layered.py": source})}
    )
    town.function("FrontLayered", "layered", Layers=[layer["LayerVersionArn"]])
    for mode, read, leaves in (("audit", True, True), ("enforce", True, False), ("enforce", False, True)):
        town.mode(mode)
        case = f"layer-{mode}-{read}"
        town.invoke("FrontLayered", {"case": case, "send": True, "read": read})
        assert town.arrived("front-public", case) is leaves


def test_a_folder_that_is_reloaded_runs_as_it_is_now(town: Town, tmp_path: Path) -> None:
    town.mode("enforce")
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 'first'\n")
    town.client("lambda").create_function(
        FunctionName="FrontHot",
        Runtime=town.runtime,
        Handler="app.handler",
        Role=ROLE,
        Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)},
    )
    town.active("FrontHot")
    assert town.invoke("FrontHot", {})[0] == "first"
    (tmp_path / "app.py").write_text((town.sources / "learner.py").read_text())
    assert town.invoke("FrontHot", {"case": "second"})[0]["told"] == "second nobody"
    assert town.invoke("FrontHot", {"case": "second", "read": True})[0]["errorType"] == REFUSED


def test_a_time_out_has_aws_s_shape_and_the_label_of_whom_it_befell(town: Town) -> None:
    town.function("FrontSlow", "learner", Timeout=1)
    event = {"case": "slow", "then": "sleep", "seconds": 5}
    for mode, read, kind in (
        ("audit", True, "Sandbox.Timedout"),
        ("enforce", True, REFUSED),
        ("enforce", False, "Sandbox.Timedout"),
    ):
        town.mode(mode)
        told, answer = town.invoke("FrontSlow", {**event, "read": read})
        assert (told["errorType"], answer["FunctionError"]) == (kind, "Unhandled")
    assert told["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")


@pytest.mark.parametrize(
    ("then", "kind", "text"),
    [("fail", "ValueError", "ends nobody"), ("exit", "Runtime.ExitError", "exit status 3")],
)
def test_an_error_has_aws_s_shape_and_the_label_of_whom_it_befell(
    town: Town, then: str, kind: str, text: str
) -> None:
    town.mode("enforce")
    told, answer = town.invoke("FrontLearner", {"case": "ends", "then": then})
    assert (told["errorType"], answer["FunctionError"]) == (kind, "Unhandled")
    assert text in told["errorMessage"]
    assert (
        town.invoke("FrontLearner", {"case": "ends", "then": then, "read": True})[0]["errorType"] == REFUSED
    )


def test_a_line_goes_to_cloudwatch_and_to_the_tail_only_where_it_may(town: Town) -> None:
    for mode, read in (("audit", True), ("enforce", True), ("enforce", False)):
        town.mode(mode)
        case = f"line-{mode}-{read}"
        _, answer = town.invoke("FrontLearner", {"case": case, "then": "print", "read": read}, LogType="Tail")
        tail = base64.b64decode(answer["LogResult"]).decode()
        assert (case in tail) is (mode == "audit" or not read)
    logged = town.logged("/aws/lambda/FrontLearner", "line-enforce-False nobody")
    assert "line-audit-True" in logged
    assert "line-enforce-True" not in logged


@pytest.mark.parametrize(
    ("mode", "ended", "arrived"),
    [
        ("audit", ["answered"] * 8, [True] * 8),  # the leak
        ("enforce", [REFUSED, "answered"] * 4, [False, True] * 4),
    ],
)
def test_calls_at_once_do_not_mix_their_labels(
    town: Town, mode: str, ended: list[str], arrived: list[bool]
) -> None:
    town.mode(mode)
    cases = [(f"parallel-{mode}-{i}", i % 2 == 0) for i in range(8)]

    def invoke(case: tuple[str, bool]) -> object:
        event = {"case": case[0], "read": case[1], "send": True, "then": "sleep", "seconds": 0.5}
        return town.invoke("FrontLearner", event)[0].get("errorType", "answered")

    with ThreadPoolExecutor(len(cases)) as pool:
        assert list(pool.map(invoke, cases)) == ended
    assert [town.arrived("front-public", json.dumps(case)[1:-1] + " ") for case, _ in cases] == arrived
