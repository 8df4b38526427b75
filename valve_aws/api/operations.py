"""The Lambda API as a table: operation to what carries it out.

Knows which operations are covered; the others are answered as not covered. Does not know HTTP's framing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from valve_aws.api import (
    afterwards,
    concurrency,
    executions,
    functions,
    invocations,
    layers,
    mappings,
    policies,
    tags,
    urls,
    versions,
)
from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault, not_covered
from valve_aws.api.ports import Answer
from valve_aws.api.reading import Reader, Request
from valve_aws.model.contract import Contract

Operation = Callable[[Desk, Mapping[str, Any]], Awaitable[Answer | Mapping[str, Any] | None]]

TABLE: Mapping[str, Operation] = {
    "Invoke": invocations.invoke,
    "InvokeWithResponseStream": invocations.invoke_streaming,
    "InvokeAsync": invocations.invoke_async,
    "CreateFunction": functions.create,
    "GetFunction": functions.get,
    "GetFunctionConfiguration": functions.get_configuration,
    "ListFunctions": functions.list_all,
    "UpdateFunctionCode": functions.update_code,
    "UpdateFunctionConfiguration": functions.update_configuration,
    "DeleteFunction": functions.delete,
    "GetFunctionCodeSigningConfig": functions.signing,
    "DeleteFunctionCodeSigningConfig": functions.unsign,
    "GetFunctionRecursionConfig": functions.recursion,
    "PutFunctionRecursionConfig": functions.put_recursion,
    "GetAccountSettings": functions.account,
    "PublishVersion": versions.publish,
    "ListVersionsByFunction": versions.list_versions,
    "CreateAlias": versions.create_alias,
    "GetAlias": versions.get_alias,
    "UpdateAlias": versions.update_alias,
    "DeleteAlias": versions.delete_alias,
    "ListAliases": versions.list_aliases,
    "TagResource": tags.tag,
    "UntagResource": tags.untag,
    "ListTags": tags.list_tags,
    "PublishLayerVersion": layers.publish,
    "GetLayerVersion": layers.get,
    "GetLayerVersionByArn": layers.get_by_arn,
    "ListLayers": layers.list_all,
    "ListLayerVersions": layers.list_versions,
    "DeleteLayerVersion": layers.delete,
    "AddLayerVersionPermission": layers.permit,
    "GetLayerVersionPolicy": layers.get_policy,
    "RemoveLayerVersionPermission": layers.forbid,
    "PutFunctionConcurrency": concurrency.reserve,
    "GetFunctionConcurrency": concurrency.get_reserved,
    "DeleteFunctionConcurrency": concurrency.unreserve,
    "PutProvisionedConcurrencyConfig": concurrency.provide,
    "GetProvisionedConcurrencyConfig": concurrency.get_provided,
    "ListProvisionedConcurrencyConfigs": concurrency.list_provided,
    "DeleteProvisionedConcurrencyConfig": concurrency.withdraw,
    "PutFunctionEventInvokeConfig": afterwards.put,
    "UpdateFunctionEventInvokeConfig": afterwards.update,
    "GetFunctionEventInvokeConfig": afterwards.get,
    "DeleteFunctionEventInvokeConfig": afterwards.delete,
    "ListFunctionEventInvokeConfigs": afterwards.list_all,
    "CreateFunctionUrlConfig": urls.create,
    "GetFunctionUrlConfig": urls.get,
    "UpdateFunctionUrlConfig": urls.update,
    "DeleteFunctionUrlConfig": urls.delete,
    "ListFunctionUrlConfigs": urls.list_all,
    "AddPermission": policies.permit,
    "GetPolicy": policies.get,
    "RemovePermission": policies.forbid,
    "CreateEventSourceMapping": mappings.create,
    "GetEventSourceMapping": mappings.get,
    "UpdateEventSourceMapping": mappings.update,
    "DeleteEventSourceMapping": mappings.delete,
    "ListEventSourceMappings": mappings.list_all,
    **{operation: executions.asking(operation) for operation in executions.OPERATIONS},
}

JSON = ("Content-Type", "application/json")

WHOLE = frozenset({"CreateFunction", "UpdateFunctionCode", "PublishLayerVersion"})
LARGEST = 70_167_211
"""Bytes of a request that brings code along (the service's own message)."""

PACKAGES = "/_valve/packages/"
"""Where packages of code are fetched from, by the location that is told for them."""

LOG = logging.getLogger(__name__)


class LambdaApi:
    """Answers requests of one account and region. On one loop."""

    def __init__(self, contract: Contract, desk: Desk) -> None:
        self.desk = desk
        self._reader = Reader(contract)

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request; an error is one, too."""
        ident = ("x-amzn-RequestId", self.desk.ident())
        try:
            if request.method == "GET" and request.target.startswith(PACKAGES):
                return self._package(request.target.removeprefix(PACKAGES))
            asked, params = self._reader.read(request)
            if asked.name in WHOLE and len(request.body) > LARGEST:
                told = f"Request must be smaller than {LARGEST} bytes for the {asked.name} operation"
                raise Fault("RequestEntityTooLargeException", told, bare=True)
            carried_out = TABLE.get(asked.name)
            if carried_out is None:
                raise not_covered(f"lambda:{asked.name}")
            params["@host"] = f"http://{request.headers.get('host', '')}"
            params["@trace"] = request.headers.get("x-amzn-trace-id", "")
            found = await carried_out(self.desk, params)
        except Fault as fault:
            return Answer(fault.status, (JSON, ("x-amzn-ErrorType", fault.code), ident), fault.body())
        except Exception:
            # Why no word of it outside: what went wrong in here may quote what a function said.
            LOG.exception("%s %s", request.method, request.target.partition("?")[0])
            broken = Fault("ServiceException", "Service exception")
            return Answer(500, (JSON, ("x-amzn-ErrorType", broken.code), ident), broken.body())
        if isinstance(found, Answer):
            return found
        status = STATUS.get(asked.name, asked.status)
        if found is None:
            return Answer(status, (ident,))
        return Answer(status, (JSON, ident), json.dumps(found, separators=(",", ":")).encode())

    def _package(self, name: str) -> Answer:
        content = self.desk.engine.kept(name)
        return (
            Answer(404) if content is None else Answer(200, (("Content-Type", "application/zip"),), content)
        )


STATUS = {"DeleteFunction": 204}
"""Where the model says another status than the service answers."""
