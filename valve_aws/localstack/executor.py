"""LocalStack's executor: one environment of a function, as LocalStack's own control plane sees it.

Knows LocalStack's classes (4.14) and hands values over. Does not know which of our environments serves what:
that goes by labels, not by executors.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any, ClassVar

from localstack import config
from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from localstack.services.plugins import SERVICE_PLUGINS, ServiceState

from valve_aws import runtime
from valve_aws.localstack import host
from valve_aws.localstack.arrival import Arrival
from valve_aws.localstack.front import Served
from valve_aws.localstack.gateway import Gateway
from valve_aws.localstack.inventory import Ask, absent
from valve_aws.localstack.keeper import Cloud, Keeper, Version
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Code, Function, Layer

HOST = "localhost.localstack.cloud"
"""The name by which functions have always called LocalStack; inside it is AWS's, so the valve answers."""


class ValveExecutor(RuntimeExecutor):  # type: ignore[misc]  # LocalStack is not there where types are checked
    """One of LocalStack's environments. Several may share environments of ours, and one may use several."""

    _keeper: ClassVar[Keeper | None] = None
    _gateway: ClassVar[Gateway]
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, id: str, function_version: Any) -> None:
        super().__init__(id=id, function_version=function_version)
        self._key = _function(function_version, {}).key

    @classmethod
    def keeper(cls) -> Keeper:
        """Return the keeper of this process, made when the first function is."""
        with cls._making:
            if cls._keeper is None:
                cls._keeper = Keeper(Cloud(_url(), _ask, _running))
                cls._gateway = Gateway(cls._keeper.changed)
                cls._gateway.watch()
            return cls._keeper

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        """Unpack a version's code, and see that it can be run. Raises `Invalid`: LocalStack shows it as the
        function's state."""
        found = function_version.config
        if found.code is None:
            raise Invalid(Where(function_version.id.function_name), "a container image cannot be run")
        found.code.prepare_for_execution()
        for layer in found.layers:
            if layer.code is not None:
                layer.code.prepare_for_execution()
        place, told = function_version.id, _variables()
        cls.keeper().add(
            Version(
                _function(function_version, told),
                place.account,
                place.region,
                found.role,
                found.dead_letter_arn or "",
                found.code.is_hot_reloading(),
            )
        )

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """Forget a version."""
        cls.keeper().remove(_function(function_version, {}).key)

    def start(self, env_vars: dict[str, str]) -> None:
        """Take note of a user. An environment of ours is made for an event's label, not known yet."""
        self.keeper().used(self._key, 1)

    def stop(self) -> None:
        """Take note that this is one user less; what is under way comes to its end, as on AWS."""
        self.keeper().used(self._key, -1)

    def invoke(self, payload: dict[str, str]) -> Any:
        """Serve one event, in LocalStack's thread; returns its `InvocationResult`."""
        keeper, ident = self.keeper(), payload["invoke-id"]
        came = self._gateway.arrived(
            Arrival(
                ident,
                payload["invoked-function-arn"],
                payload["payload"].encode(),
                payload.get("trace-id") or "",
            )
        )
        self._gateway.withhold(came)  # until it was judged
        try:
            served = keeper.serve(self._key, came).result()
        except Invalid as mistake:
            host.say(f"valve: {mistake}")
            if came.asynchronous:
                # Why: what has failed is told to dead letters, and nobody can judge that. LocalStack tries an
                # event again that could not even be served.
                raise
            served = Served(runtime.faults.unavailable(), True)
        if not served.withheld:
            self._gateway.let_go(came)
        # Why carriage returns: LocalStack takes each line for a message, and what has them for one.
        logs = "".join(line.replace("\n", "\r") + "\n" for line in served.lines)
        return InvocationResult(ident, served.payload, is_error=served.failed, logs=logs)

    def get_logs(self) -> str:
        """Return nothing: what may leave went with the invocations."""
        return ""

    def get_address(self) -> str:
        """Return where LocalStack might look for us; nothing answers there."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Return the name by which a function reaches LocalStack: through the valve."""
        return HOST

    def get_runtime_endpoint(self) -> str:
        """Return nothing: our environments have a Runtime API of their own."""
        return ""

    @classmethod
    def validate_environment(cls) -> bool:
        """Say whether functions can be run here at all."""
        try:
            cls.keeper()
        except Invalid as mistake:
            host.say(f"valve: {mistake}")
            return False
        return True


def _function(version: Any, told: dict[str, str]) -> Function:
    """Return a version as a function of ours. `told` are variables beside its own."""
    found, place = version.config, version.id
    own = {str(k): str(v) for k, v in (found.environment or {}).items()}
    return Function(
        logical=place.function_name,
        name=place.function_name,
        arn=place.unqualified_arn(),
        handler=found.handler or "",
        runtime=str(found.runtime or ""),
        code=Code(folder=found.code.get_unzipped_code_location()) if found.code else Code(missing="an image"),
        layers=tuple(_layer(layer) for layer in found.layers),
        environment={**told, **own},
        timeout=int(found.timeout),
        memory=int(found.memory_size),
        ephemeral=int(found.ephemeral_storage.size) if found.ephemeral_storage else 512,
        package=str(found.package_type),
        version="" if place.qualifier == "$LATEST" else place.qualifier,
        revision=found.internal_revision,
        where=Where(f"function `{place.function_name}`"),
    )


def _layer(layer: Any) -> Layer:
    name = layer.layer_version_arn.split(":layer:")[-1]
    if layer.code is None:
        return Layer(name, Code(missing=f"not in LocalStack: {layer.layer_version_arn}"))
    return Layer(name, Code(folder=layer.code.get_unzipped_code_location()))


def _variables() -> dict[str, str]:
    """Return what LocalStack tells functions of itself beside AWS's own variables."""
    port = str(config.GATEWAY_LISTEN[0].port)
    told = {"LOCALSTACK_HOSTNAME": HOST, "EDGE_PORT": port}
    if not config.LAMBDA_DISABLE_AWS_ENDPOINT_URL:
        told["AWS_ENDPOINT_URL"] = f"http://{HOST}:{port}"
    return told


def _url() -> str:
    listens = config.GATEWAY_LISTEN[0]
    return f"http://{'127.0.0.1' if listens.host in {'0.0.0.0', '::'} else listens.host}:{listens.port}"


def _running() -> Collection[str]:
    """Return the services that somebody has used. Why not all: asking one starts it."""
    states = SERVICE_PLUGINS.get_states()
    return {name for name, state in states.items() if state == ServiceState.RUNNING}


def _ask(account: str, region: str) -> Ask:
    """Return how the operator's own calls are made: within this process, through LocalStack's gateway."""
    clients = connect_to(aws_access_key_id=account, region_name=region)

    def ask(service: str, operation: str, key: str = "", **parameters: Any) -> Any:
        client = clients.get_client(service)
        try:
            if key and client.can_paginate(operation):
                return client.get_paginator(operation).paginate(**parameters).build_full_result().get(key)
            answer = getattr(client, operation)(**parameters)
        except client.exceptions.ClientError as error:
            absent(service, error.response)
            return None
        return answer.get(key) if key else answer

    return ask
