"""Step Functions within moto's process: its executions run, and whatever they call is asked of the valve.

Knows where moto's interpreter of the Amazon States Language makes its clients and where an execution ends.
Does not know what an execution may do: each request names it in `EXECUTION`, and goes to one address, whose
answer is taken.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

EXECUTION = "x-valve-execution"
"""The ARN of the execution that asks, written as in a URL. Why: whoever starts one may name it, and a header
is read without the blanks around its value."""

ENDED = "x-valve-ended"
"""How it ended; the request that says so has nothing else in it."""

PATIENCE = 60.0
"""Seconds that a task may take to be answered beyond the fifteen minutes that a function has."""


KIND = "AWS::StepFunctions::StateMachine"

ADDRESS = [""]
"""Where executions ask; "" until somebody has said so."""

HERE = threading.local()
"""`execution`: the ARN of the one that this thread is of."""


def run(fresh: Callable[[], str], tell: Callable[[str, dict[str, str]], None]) -> None:
    """Have executions run from now on. Idempotent. `fresh` gives a name, `tell` makes a request with headers.

    Why not for every cloud: moto's interpreter takes 1.5 s to import.
    """
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"] = {"execute_state_machine": True}

    from moto.stepfunctions.parser import models
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service_api_gateway as gateway,
    )
    from moto.stepfunctions.parser.asl.utils import boto_client
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

    if boto_client.boto3 is Clients:
        return
    boto_client.boto3 = Clients  # moto has no switch
    gateway.requests = Nowhere()  # type: ignore[assignment]  # as above
    evaluate, end = EvalComponent.eval, BaseExecutionWorkerCommunication.terminated
    start = models.StepFunctionsParserBackend.start_execution

    def evaluated(component: Any, env: Any) -> None:
        # Why each time: the branches of a `Parallel` and of a `Map` run in threads of their own.
        HERE.execution = env.states.context_object.context_object_data["Execution"]["Id"]
        evaluate(component, env)

    def terminated(told: Any) -> None:
        end(told)
        execution = told.execution
        status = str(getattr(execution.exec_status, "value", execution.exec_status))
        how = " ".join(f"{status} {execution.error or ''}".split()).encode("ascii", "replace").decode()
        tell(ADDRESS[0], {EXECUTION: quote(execution.exec_arn), ENDED: how})

    def started(backend: Any, arn: str, name: Any = None, *given: Any, **named: Any) -> Any:
        # Why: moto calls every execution `None` that was given no name (StartExecution, `name`).
        return start(backend, arn, name or fresh(), *given, **named)

    EvalComponent.eval = evaluated  # type: ignore[method-assign, assignment]  # moto has no switch
    BaseExecutionWorkerCommunication.terminated = terminated  # type: ignore[method-assign, assignment]  # as above
    models.StepFunctionsParserBackend.start_execution = started  # type: ignore[method-assign, assignment]  # as above


def stop() -> None:
    """Have no execution go on that is under way: what it carries is known to nobody once its cloud is
    emptied."""
    if (models := sys.modules.get("moto.stepfunctions.parser.models")) is None:
        return
    for account in list(models.stepfunctions_parser_backends.values()):
        for backend in list(account.values()):
            for machine in list(backend.state_machines):
                for execution in list(machine.executions):
                    if getattr(getattr(execution, "exec_worker", None), "env", None) is not None:
                        execution.stop(execution.start_date, None, None)


class Nowhere:
    """What the interpreter takes for `requests`, by which one kind of task goes past all clients to whatever
    host its input says."""

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError("`apigateway:invoke` is not covered here")


class Clients:
    """What the interpreter takes for boto3."""

    @staticmethod
    def client(service_name: str, region_name: str, **_: Any) -> Any:
        """Return a client that asks at `ADDRESS`, and says for which execution."""
        return _client(service_name, region_name, getattr(HERE, "execution", ""))


def _client(service: str, region: str, execution: str) -> Any:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        service,
        region_name=region,
        endpoint_url=ADDRESS[0],
        aws_access_key_id="execution",
        aws_secret_access_key="execution",
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            read_timeout=900 + PATIENCE,
            inject_host_prefix=False,
            s3={"addressing_style": "path"},
        ),
    )

    def named(params: dict[str, Any], **_: Any) -> None:
        params["headers"][EXECUTION] = quote(execution)

    client.meta.events.register("before-call", named)
    return client
