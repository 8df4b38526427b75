"""The plan of one environment: what shows where, the variables, the first command.

Knows Lambda's own environment to the letter. Does not touch the file system; `prepare` did.
Source: AWS Lambda developer guide, `Defined runtime environment variables`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from valve_aws.environments import trust
from valve_aws.environments.languages import Bootstrap, Language, language
from valve_aws.environments.prepare import Prepared
from valve_aws.model.call import Key
from valve_aws.model.plan import Plan

TASK = "/var/task"
RUNTIME_API = "127.0.0.1:9001"
LIBRARIES = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
EXTENSIONS = "/opt/extensions"
LAUNCHER = "/var/valve/extensions.py"
"""Where what starts external extensions shows, and then the command behind it."""
DROPPED = (
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "_LAMBDA_TELEMETRY_LOG_FD",
    "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET",
)
"""Variables by which a template could turn the runtime into something else."""
PATHS = frozenset({"PYTHONPATH", "NODE_PATH"})
"""Variables to whose folders the runtime adds its own."""
INLINE = {Language.PYTHON: "index.py", Language.NODE: "index.js", Language.OWN: "index"}
"""Where code lies that stands in the template (CloudFormation, `AWS::Lambda::Function Code`, `ZipFile`)."""


def plan(
    prepared: Prepared,
    key: Key,
    *,
    region: str,
    stream: str,
    authority: bytes = b"",
    extra: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan of one environment.

    `key` is what this environment was issued. `stream` is the name of its log stream. `authority` is the
    certificate, in PEM, that signs what the valve shows to clients; it is laid over every bundle. `extra`
    are further variables of ours.
    """
    function = prepared.function
    files: dict[str, bytes] = {}
    if authority:
        files.update(trust.system_files(authority))
        files.update(dict.fromkeys(prepared.bundles, authority))
    if function.code.inline is not None:
        files[f"{TASK}/{INLINE[language(function)]}"] = function.code.inline.encode()
    if prepared.extensions:
        files[LAUNCHER] = prepared.launcher
    environ = variables(prepared, key, region=region, stream=stream)
    cafile = prepared.interpreter.cafile
    if authority and cafile and cafile not in files:
        if cafile.startswith("/usr/lib/ssl/"):
            pass  # Why: that folder of Debian's is but links into /etc/ssl.
        elif cafile.startswith("/usr/"):
            # Why: nothing can be added below /usr, so the library is told where else to look.
            environ.setdefault("SSL_CERT_FILE", SYSTEM_BUNDLE)
        else:
            files[cafile] = authority
    return Plan(
        argv=command(prepared),
        environ={**environ, **(extra or {})},
        directory=TASK,
        binds=prepared.binds,
        files=files,
        extensions=prepared.extensions,
        memory=function.memory,
        ephemeral=function.ephemeral,
    )


def command(prepared: Prepared) -> tuple[str, ...]:
    """Return the first command, inside the function's own wrapper if it has one.

    A program of the function's own has none (developer guide, `Wrapper scripts`).
    """
    argv = prepared.interpreter.command(prepared.function)
    wrapper = prepared.function.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    whole = (wrapper, *argv) if wrapper and not isinstance(prepared.interpreter, Bootstrap) else argv
    return (prepared.python, "-S", LAUNCHER, EXTENSIONS, *whole) if prepared.extensions else whole


def variables(prepared: Prepared, key: Key, *, region: str, stream: str) -> dict[str, str]:
    """Return all variables of the process, as on Lambda; a function cannot set those that AWS reserves."""
    function = prepared.function
    own = prepared.interpreter.defaults(prepared.packages)
    defaults = {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": LIBRARIES,
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "TZ": ":UTC",
        **own,
    }
    reserved = {
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
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
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": TASK,
        "PWD": TASK,
        "SHLVL": "0",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": function.handler,
    }
    if function.logging.format == "JSON":
        reserved["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        reserved["AWS_LAMBDA_LOG_LEVEL"] = function.logging.application or "INFO"
    environ = {**defaults, **function.environment, **reserved}
    for name in DROPPED:
        environ.pop(name, None)
    if isinstance(prepared.interpreter, Bootstrap):
        del environ["AWS_EXECUTION_ENV"]  # as on Lambda
    chosen = function.environment
    for name in own.keys() & chosen.keys() & PATHS:
        environ[name] = f"{chosen[name]}:{own[name]}"
    if "NODE_EXTRA_CA_CERTS" in own:
        # Why not the chosen one: Node reads one file, before any code runs, and behind the valve nobody shows
        # a certificate that is in another.
        environ["NODE_EXTRA_CA_CERTS"] = own["NODE_EXTRA_CA_CERTS"]
    if "LD_LIBRARY_PATH" in chosen:
        # Why: an interpreter outside /usr finds its own library here.
        environ["LD_LIBRARY_PATH"] = f"{chosen['LD_LIBRARY_PATH']}:/var/lang/lib"
    aside = PurePosixPath(prepared.python).parent.parent
    if prepared.extensions and aside.is_relative_to("/var/valve"):
        # Why: so does the one that starts extensions where the function has none of its own.
        environ["LD_LIBRARY_PATH"] += f":{aside}/lib"
    return environ
