"""The plan of one environment: what shows where, the variables, the first command.

Knows what a function may choose of it. Does not touch the file system; `prepare` did.
Source: AWS Lambda developer guide, `Defined runtime environment variables`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from valve_aws.environments import trust
from valve_aws.environments.languages import Language, language
from valve_aws.environments.prepare import Prepared
from valve_aws.environments.variables import TASK, changeable, reserved
from valve_aws.model.call import Key
from valve_aws.model.plan import Plan

SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
EXTENSIONS = "/opt/extensions"
LAUNCHER = "/var/valve/extensions.py"
"""Where what starts external extensions shows, and then the command behind it."""
DROPPED = (
    "AWS_EXECUTION_ENV",
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
        if function.runtime.startswith("java"):
            files.update(trust.java_files(authority))
    if function.code.inline is not None:
        files[f"{TASK}/{INLINE[language(function)]}"] = function.code.inline.encode()
    files.update({f"{TASK}/{name}": content for name, content in prepared.beside.items()})
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

    Runtimes that are but provided have none (developer guide, `Wrapper scripts`).
    """
    argv = prepared.interpreter.command(prepared.function)
    wrapper = prepared.function.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    provided = prepared.function.runtime.startswith("provided")
    whole = (wrapper, *argv) if wrapper and not provided else argv
    return (prepared.python, "-S", LAUNCHER, EXTENSIONS, *whole) if prepared.extensions else whole


def variables(prepared: Prepared, key: Key, *, region: str, stream: str) -> dict[str, str]:
    """Return all variables of the process, as on Lambda; a function cannot set those that AWS reserves."""
    function = prepared.function
    own = prepared.interpreter.defaults(function, prepared.packages)
    chosen = {name: value for name, value in function.environment.items() if name not in DROPPED}
    environ = {**changeable(function), **own, **chosen, **reserved(function, key, region, stream)}
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
