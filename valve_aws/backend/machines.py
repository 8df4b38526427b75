"""Step Functions within moto's process: its executions run, and whatever they call is asked of the valve.

Knows where moto's interpreter of the Amazon States Language makes its clients and where an execution ends.
Does not know what an execution may do: each request names it in `EXECUTION`, and goes to one address, whose
answer is taken.
"""

from __future__ import annotations

import datetime
import re
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from valve_aws.backend import tasks

EXECUTION = "x-valve-execution"
"""The ARN of the execution that asks, written as in a URL. Why: whoever starts one may name it, and a header
is read without the blanks around its value."""

ENDED = "x-valve-ended"
"""How it ended; the request that says so has nothing else in it but, perhaps, `CAUSE`."""

CAUSE = "x-valve-cause"
"""Why it failed, percent-encoded: it may have anything in it that the execution knew."""

LONGEST = 1000
"""Characters of a cause that are told."""

PATIENCE = 60.0
"""Seconds that a task may take to be answered beyond the fifteen minutes that a function has."""


EXPRESS = re.compile(r'("ExecutionType"\s*:\s*)"EXPRESS"')

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
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.utils import boto_client
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

    if boto_client.boto3 is Clients:
        return
    boto_client.boto3 = Clients  # moto has no switch
    gateway.requests = Nowhere()  # type: ignore[assignment]  # as above
    evaluate, end = EvalComponent.eval, BaseExecutionWorkerCommunication.terminated
    start, parse = models.StepFunctionsParserBackend.start_execution, AmazonStateLanguageParser.parse

    def evaluated(component: Any, env: Any) -> None:
        # Why each time: the branches of a `Parallel` and of a `Map` run in threads of their own.
        HERE.execution = env.states.context_object.context_object_data["Execution"]["Id"]
        evaluate(component, env)

    def terminated(told: Any) -> None:
        end(told)
        execution = told.execution
        # Why: an output is JSON text (DescribeExecution, `output`); moto gives a text as it is.
        execution.output = to_json_str(execution.output, separators=(",", ":"))
        status = str(getattr(execution.exec_status, "value", execution.exec_status))
        how = " ".join(f"{status} {execution.error or ''}".split()).encode("ascii", "replace").decode()
        cause = quote(str(execution.cause or "")[:LONGEST])
        tell(ADDRESS[0], {EXECUTION: quote(execution.exec_arn), ENDED: how, CAUSE: cause})

    def started(backend: Any, arn: str, name: Any = None, *given: Any, **named: Any) -> Any:
        # Why: moto calls every execution `None` that was given no name (StartExecution, `name`).
        return start(backend, arn, name or fresh(), *given, **named)

    def read(text: str) -> Any:
        # Why: moto knows but one kind of the executions that a distributed map has; here they are alike.
        return parse(EXPRESS.sub(r'\1"STANDARD"', text))

    EvalComponent.eval = evaluated  # type: ignore[method-assign, assignment]  # moto has no switch
    BaseExecutionWorkerCommunication.terminated = terminated  # type: ignore[method-assign, assignment]  # as above
    models.StepFunctionsParserBackend.start_execution = started  # type: ignore[method-assign, assignment]  # as above
    AmazonStateLanguageParser.parse = staticmethod(read)  # type: ignore[method-assign, assignment]  # as above
    _say()
    _query()
    _name()


def _say() -> None:
    """Have tasks say what services take, and be told what Step Functions tells."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import service
    from moto.stepfunctions.parser.backend import execution as running

    # Why `Any`: these are replaced, for which moto has no switch.
    task_of_any: Any = service.state_task_service.StateTaskService
    task_of_sdk: Any = service.state_task_service_aws_sdk.StateTaskServiceAwsSdk
    task_of_api: Any = service.state_task_service_api_gateway.StateTaskServiceApiGateway
    execution_of_moto: Any = running.Execution

    tell = execution_of_moto.get_start_execution_details

    def began(execution: Any) -> Any:
        told = tell(execution)
        told.start_time = tasks.moment(execution.start_date)
        return told

    def named(task: Any, boto_service_name: str | None = None) -> str:
        return tasks.service(boto_service_name or task.resource.api_name)

    def model(task: Any, boto_service_name: str | None = None, service_action_name: str | None = None) -> Any:
        return tasks.operation(
            named(task, boto_service_name), service_action_name or task.resource.api_action
        )

    def asked(task: Any, parameters: Any, **more: str | None) -> None:
        found = model(task, **more)
        if found is not None and found.input_shape is not None:
            _become(parameters, tasks.asked(found.input_shape, parameters))

    def answered(task: Any, response: Any, **more: str | None) -> None:
        found = model(task, **more)
        if found is not None and found.output_shape is not None and isinstance(response, dict):
            _become(response, tasks.answered(found.output_shape, response))

    visit = task_of_api._eval_service_task

    def visited(
        task: Any,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: Any,
        state_credentials: Any = None,
    ) -> None:
        # Why by place: moto's own has another name for the last, and would fail of that alone.
        visit(task, env, resource_runtime_part, normalised_parameters, state_credentials)

    execution_of_moto.get_start_execution_details = began
    task_of_any._get_boto_service_name = named
    task_of_any._normalise_parameters = asked
    task_of_any._normalise_response = answered
    task_of_sdk._normalise_service_error_name = staticmethod(tasks.errors)
    task_of_api._eval_service_task = visited
    task_of_api._from_error = service.state_task_service_callback.StateTaskServiceCallback._from_error


def _query() -> None:
    """Say of JSONata what there is: moto takes it, and falls over a JVM that nobody has started."""
    from moto.stepfunctions.parser.asl.jsonata import jsonata

    def missing(_: str) -> Any:
        raise jsonata.JSONataException("UNKNOWN", "JSONata is not covered here")

    jsonata._eval_jsonata = missing


def _name() -> None:
    """Let what moto's interpreter refuses be told by its name: most of it has none, and some no words."""
    from moto.stepfunctions.parser import api

    def worded(error: Any, message: str = "", *more: Any) -> None:
        api.ServiceException.__init__(error, message or error.TYPE, *more)

    for kind in list(vars(api).values()):
        if isinstance(kind, type) and issubclass(kind, api.ServiceException) and "code" in vars(kind):
            refused: Any = kind
            refused.TYPE = refused.code
            if "__init__" not in vars(kind):
                refused.__init__ = worded


def _become(told: dict[str, Any], other: dict[str, Any]) -> None:
    """Why in place: so moto does it, and goes on with what it had."""
    told.clear()
    told.update(other)


def give_up() -> None:
    """Let executions that were under way when their cloud was kept count as stopped: nobody goes on with
    them."""
    from moto.core.utils import utcnow

    kept = sys.modules.get("moto.stepfunctions.parser.models")
    for regions in kept.stepfunctions_parser_backends.values() if kept else ():
        for execution in (each for backend in regions.values() for each in backend._get_executions()):
            if execution.status == "RUNNING":
                execution.exec_status = type(execution.exec_status)("ABORTED")
                execution.stop_date = utcnow().replace(tzinfo=datetime.UTC)


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
