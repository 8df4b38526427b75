"""The Lambda API against what AWS itself has answered.

Knows cases: calls in their order, and what is known of some of the answers (status, error, message, members,
values). The facts were recorded on AWS by LocalStack's authors (tests/aws/services/lambda_ of their
repository, Apache-2.0); the cases are ours. Does not know how the API works.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.comparing import Marks
from tests.conformance.conftest import Stage

CASES = Path(__file__).parent / "cases"
AREAS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))}

KNOWN: dict[str, str] = json.loads((CASES.parent / "known.json").read_text(encoding="utf-8"))
"""`area/case/fact` → why our answer is another; one that is as recorded after all fails."""


@pytest.mark.parametrize(
    ("area", "case"),
    [
        pytest.param(area, case, id=f"{area}/{case['name']}")
        for area in AREAS
        for case in AREAS[area]["cases"]
    ],
)
def test_the_api_answers_as_aws_was_recorded_to(stage: Stage, area: str, case: Mapping[str, Any]) -> None:
    stage.clear()
    marks, answers, faults = Marks(), list[Any](), list[str]()
    for step in case["steps"]:
        if step.get("settled"):
            stage.settle()
        answer = answered(stage, step["call"], filled(step["with"], answers, case.get("code", {})))
        answers.append(answer)
        if "expect" not in step:
            assert answer.get("error") is None, (step, answer)
            continue
        wanted = (
            step["expect"] | {"is": whole(step["expect"]["is"], area)}
            if "is" in step["expect"]
            else step["expect"]
        )
        found = list(compared(marks, wanted, answer))
        known = f"{area}/{case['name']}/{step['fact']}" in KNOWN
        if bool(found) is not known:
            faults += [
                f"{step['fact']} ({step['call']}): {line}"
                for line in found or ["is as recorded: take it out of known.json"]
            ]
    assert not faults, "\n".join(faults)


def answered(stage: Stage, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a call and return what is compared of its answer."""
    try:
        told = stage.client._make_api_call(operation, params)
    except ClientError as error:
        told = error.response
        meta = told["ResponseMetadata"]
        text = next((key for key in ("Message", "message") if key in told), "")
        more = {k: v for k, v in told.items() if k not in {"Error", "Message", "message", "ResponseMetadata"}}
        return {
            "error": told["Error"]["Code"],
            "message": told["Error"].get("Message"),
            "text": text,
            "more": more,
            "status": meta["HTTPStatusCode"],
        }
    meta = told.pop("ResponseMetadata")
    for name in ("Statement", "Policy"):
        if isinstance(told.get(name), str):
            told[name] = json.loads(told[name])
    if "Payload" in told:
        told["Payload"] = _read(told["Payload"].read())
    return {"is": json.loads(json.dumps(told, default=str)), "status": meta["HTTPStatusCode"]}


def _read(payload: bytes) -> Any:
    return json.loads(payload) if payload else ""


def compared(marks: Marks, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Any:
    """Yield in what an answer is another than the one that was recorded."""
    if ("error" in wanted) != ("error" in found):
        yield f"is {found}, not {dict(wanted)}"
        return
    if "error" in wanted and "status" not in wanted:
        found = {k: v for k, v in found.items() if k != "status"}
    message = found.get("message")
    if isinstance(message, str):
        found = {**found, "message": steady(message)}
    if "each" in wanted:
        _, _, listed = str(found.get("message")).partition(" detected: ")
        found = {**found, "each": sorted(listed.split("; "))}
    yield from marks.differences(dict(wanted), {k: found[k] for k in wanted if k in found})
    if "more" not in wanted and found.get("more") and "each" not in wanted and "text" in wanted:
        yield f"has {found['more']} beside"


def steady(message: str) -> str:
    """Return a message without what changes with the service's model: expressions, and long lists of "
    "values."""
    message = re.sub(
        r"(regular expression pattern: ).*?(?=; Value |, Member must |\]\s*$|$)", r"\1<pattern>", message
    )

    def listed(found: re.Match[str]) -> str:
        return found[0] if found[1].count(",") < 10 else "enum value set: [<values>]"

    return re.sub(r"enum value set: \[([^\]]*)\]", listed, message)


def filled(value: Any, answers: list[Any], code: Mapping[str, str]) -> Any:
    """Return parameters with packages made, and with what earlier answers said."""
    if isinstance(value, Mapping):
        if "$zip" in value:
            number = value["$zip"]
            return packed(
                code.get(str(number), f"def handler(event, context):\n    return event  # {number}\n")
            )
        if "$text" in value:
            return str(value["$text"]).encode("latin1")
        if "$from" in value:
            step, *path = value["$from"]
            found = answers[step]["is"]
            for part in path:
                found = found[part]
            return found
        return {key: filled(each, answers, code) for key, each in value.items()}
    return [filled(each, answers, code) for each in value] if isinstance(value, list) else value


def packed(code: str) -> bytes:
    """Return a package of a function."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for name in ("handler.py", "index.py", "python/shared.py"):
            opened.writestr(zipfile.ZipInfo(name), code)  # Why: no time, which a digest would show
    return content.getvalue()


def whole(value: Any, area: str) -> Any:
    """Return a recorded answer with what it shares with others."""
    if isinstance(value, Mapping):
        shared = AREAS[area]["like"][value["$like"]] if "$like" in value else {}
        return {**shared, **{key: whole(each, area) for key, each in value.items() if key != "$like"}}
    return [whole(each, area) for each in value] if isinstance(value, list) else value
