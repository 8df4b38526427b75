"""What Lambda has in the environment of a function's process, by its runtime.

Knows names and values, all of them and those of each runtime. Does not know what a function chose itself.
Source: AWS Lambda developer guide, `Defined runtime environment variables`; what they are was recorded on
Lambda in January 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from valve_aws.model.call import Key
from valve_aws.model.stack import Function

TASK = "/var/task"
RUNTIME_API = "127.0.0.1:9001"
LIBRARIES = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
PROGRAMS = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
BARE = {
    "LD_LIBRARY_PATH": LIBRARIES.removeprefix("/var/lang/lib:"),
    "PATH": PROGRAMS.removeprefix("/var/lang/bin:"),
}
"""Where there is no language."""
GEMS = {
    "GEM_HOME": "/var/runtime",
    "GEM_PATH": "/var/task/vendor/bundle/ruby/{0}.0:/opt/ruby/gems/{0}.0"
    ":/var/runtime:/var/runtime/ruby/{0}.0",
    "LD_LIBRARY_PATH": f"/var/lang/lib:{LIBRARIES}",
    "PATH": f"/var/lang/bin:{PROGRAMS}",
    "RUBYLIB": "/var/runtime/gems/aws_lambda_ric-3.1.3/lib:/var/task:/var/runtime/lib:/opt/ruby/lib",
}

CHANGEABLE = (
    (r"python3\.(?:1[2-9]|[2-9]\d)", {"LC_CTYPE": "C.UTF-8"}),
    (r"provided|provided\.al2", BARE),
    (r"ruby(\d+\.\d+)", GEMS),
    (r"dotnet\d+", {"LAMBDA_RUNTIME_NAME": "{runtime}"}),
)
"""What a function may have otherwise: runtimes → variables beside those of all, or in their place."""

RESERVED = (
    (r"(?!provided).*", {"AWS_EXECUTION_ENV": "AWS_Lambda_{runtime}"}),
    (r"(?:python|nodejs|ruby|dotnet).*", {"PWD": TASK, "SHLVL": "0"}),  # whose client a shell starts there
    (r"java(?:8|8\.al2|11)", {"AWS_ACCESS_KEY": "{access}", "AWS_SECRET_KEY": "{secret}"}),
)
"""The same of what a function cannot set."""


def changeable(function: Function) -> dict[str, str]:
    """Return the variables that a function may set otherwise."""
    return {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": LIBRARIES,
        "PATH": PROGRAMS,
        "TZ": ":UTC",
        **_of(CHANGEABLE, function.runtime, {}),
    }


def reserved(function: Function, key: Key, region: str, stream: str) -> dict[str, str]:
    """Return the variables that are AWS's own. `key` is what this environment was issued, `stream` names its
    log stream."""
    daemon = "169.254.79.129" if function.runtime in ("provided", "provided.al2") else "169.254.100.1"
    found = {
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version or "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if function.restored else "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logging.group or f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": RUNTIME_API,
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AWS_SESSION_TOKEN": key.token,
        "AWS_XRAY_DAEMON_ADDRESS": f"{daemon}:2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": TASK,
        "_AWS_XRAY_DAEMON_ADDRESS": daemon,
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": function.handler,
        **_of(RESERVED, function.runtime, {"access": key.access_key, "secret": key.secret_key}),
    }
    if function.logging.format == "JSON":
        found["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        found["AWS_LAMBDA_LOG_LEVEL"] = function.logging.application or "INFO"
    return found


def _of(
    rows: tuple[tuple[str, Mapping[str, str]], ...], runtime: str, words: Mapping[str, str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for expression, variables in rows:
        if match := re.fullmatch(expression, runtime, re.ASCII):
            filled = {k: v.format(*match.groups(), runtime=runtime, **words) for k, v in variables.items()}
            found.update(filled)
    return found
