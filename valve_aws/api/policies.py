"""Resource policies of functions: who may invoke them.

Knows these operations and their errors, and whom a function's URL lets in. Holds nobody else to them:
whoever reaches this API is the operator, and what functions may do is the valve's own policy's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from valve_aws.api.desk import Desk
from valve_aws.api.fault import conflict, invalid, missing, revised
from valve_aws.api.names import LATEST, named, unfound
from valve_aws.api.registry import Settings

PRINCIPAL = re.compile(r"\*|[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws|amazon)\.com|\d{12}|arn:.+|o-[a-z0-9]+")

CONDITIONS = (
    ("StringEquals", "AWS:SourceAccount", "SourceAccount"),
    ("StringEquals", "lambda:EventSourceToken", "EventSourceToken"),
    ("StringEquals", "lambda:FunctionUrlAuthType", "FunctionUrlAuthType"),
    ("StringEquals", "aws:PrincipalOrgID", "PrincipalOrgID"),
    ("StringEquals", "aws:PrincipalOrgID", "OrganizationId"),
    ("ArnLike", "AWS:SourceArn", "SourceArn"),
)
"""(operator, key, the parameter that makes it a condition)."""


def statement(params: Mapping[str, Any], resource: str) -> Settings:
    """Return the statement that a request adds."""
    principal: Any = params["Principal"]
    if principal.endswith((".amazonaws.com", ".amazon.com")):
        principal = {"Service": principal}
    elif principal.isdigit():
        principal = {"AWS": f"arn:aws:iam::{principal}:root"}
    elif principal != "*":
        principal = {"AWS": principal}
    made: Settings = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": principal,
        "Action": params["Action"],
        "Resource": resource,
    }
    conditions: dict[str, dict[str, str]] = {}
    for operator, key, parameter in CONDITIONS:
        if params.get(parameter):
            conditions.setdefault(operator, {})[key] = params[parameter]
    if conditions:
        made["Condition"] = conditions
    return made


def lets_everybody(policy: Mapping[str, Any] | None, action: str, authorization: str) -> bool:
    """Say whether a policy lets anybody do something by a URL that asks for this authorization."""
    unless = {"StringEquals": {"lambda:FunctionUrlAuthType": authorization}}
    return any(
        each["Principal"] == "*"
        and each["Action"] in {action, "lambda:*"}
        and each.get("Condition", unless) == unless
        for each in (policy or {}).get("statements", ())
    )


def document(told: Any) -> str:
    """Return a policy, or a statement of one, as the API has it: JSON in text."""
    return json.dumps(told, separators=(",", ":"))


async def permit(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`AddPermission`. Raises `Fault`."""
    name, qualifier = named(desk.registry.place, params)
    if qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    if not PRINCIPAL.fullmatch(params["Principal"]):
        raise invalid("The provided principal was invalid. Please check the principal and try again.")
    deployed = desk.registry.deployed(name)
    _there(desk, name, qualifier)
    policy = deployed.policies.get(qualifier) or {"statements": []}
    if any(each["Sid"] == params["StatementId"] for each in policy["statements"]):
        raise conflict(
            f"The statement id ({params['StatementId']}) provided already exists. Please provide a new "
            f"statement "
            "id, or remove the existing statement."
        )
    latest = policy.get("revision") or desk.registry.revision(name, qualifier)
    if params.get("RevisionId") and params["RevisionId"] != latest:
        raise revised("GetFunction/GetAlias" if policy["statements"] else "GetPolicy")
    made = statement(params, desk.registry.place.arn(deployed.name, qualifier))
    revision = desk.ident()
    deployed.policies[qualifier] = {"statements": [*policy["statements"], made], "revision": revision}
    desk.registry.revise(name, qualifier, revision)
    return {"Statement": document(made)}


def _there(desk: Desk, name: str, qualifier: str) -> None:
    """See that a qualifier means something. Raises `Fault`."""
    deployed, place = desk.registry.functions.get(name), desk.registry.place
    if not qualifier or (deployed and qualifier in {*deployed.versions, *deployed.aliases}):
        return
    if qualifier.isdigit() or "$" in qualifier:
        raise unfound(place, name, qualifier)
    raise missing(f"Cannot find alias arn: {place.arn(name, qualifier)}")


async def get(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetPolicy`. Raises `Fault`."""
    name, qualifier = named(desk.registry.place, params)
    deployed = desk.registry.functions.get(name)
    policy = deployed.policies.get(qualifier) if deployed else None
    if policy is None:
        raise missing()
    return {
        "Policy": document({"Version": "2012-10-17", "Id": "default", "Statement": policy["statements"]}),
        "RevisionId": policy["revision"],
    }


async def forbid(desk: Desk, params: Mapping[str, Any]) -> None:
    """`RemovePermission`. Raises `Fault`."""
    name, qualifier = named(desk.registry.place, params)
    deployed = desk.registry.functions.get(name)
    if deployed is None:
        raise missing(f"No policy found for: {desk.registry.place.arn(name)}")
    _there(desk, name, qualifier)
    policy = deployed.policies.get(qualifier)
    if policy is None:
        raise missing("No policy is associated with the given resource.")
    if params.get("RevisionId") and params["RevisionId"] != policy["revision"]:
        raise revised()
    left = [each for each in policy["statements"] if each["Sid"] != params["StatementId"]]
    if len(left) == len(policy["statements"]):
        raise missing(f"Statement {params['StatementId']} is not found in resource policy.")
    revision = desk.ident()
    if left:
        deployed.policies[qualifier] = {"statements": left, "revision": revision}
    else:
        del deployed.policies[qualifier]
    desk.registry.revise(name, qualifier, revision)
