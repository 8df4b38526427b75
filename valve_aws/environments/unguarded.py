"""The plan of an environment without walls: the same program, with the host's paths, told where to call.

Knows what `--unsafe-cooperative` needs in place of a view and a network of its own. Guards nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from valve_aws.model.plan import Plan

BUNDLE = "ca.pem"
TASK = "/var/task"
BEFORE = 4
"""Words of what starts extensions, before the first command."""


def on_host(plan: Plan, scratch: Path, proxy: int, runtime_api: int) -> tuple[Plan, Mapping[Path, bytes]]:
    """Return the plan as a plain child process can run it, and the files to lay into `scratch` for it.

    `proxy` and `runtime_api` are the ports of our two listeners. Clients that heed neither an endpoint
    setting nor proxy variables call whom they like.
    """
    shown = {bind.target: bind.source for bind in plan.binds}
    inline = {
        scratch / path.removeprefix(f"{TASK}/"): content
        for path, content in plan.files.items()
        if TASK not in shown and path.startswith(f"{TASK}/")
    }
    authority = next((c for p, c in plan.files.items() if p.startswith("/etc/ssl/certs/")), b"")
    shown.setdefault(TASK, scratch)

    def there(path: str) -> str:
        """Return the host's path for one inside; what is not bound has the same path."""
        at = PurePosixPath(path)
        for target in (at, *at.parents):
            if str(target) in shown:
                return str(shown[str(target)] / at.relative_to(target))
        return path

    # Why no extensions: they look for themselves and for each other below `/opt`.
    argv = plan.argv[BEFORE:] if plan.extensions else plan.argv
    here = f"http://127.0.0.1:{proxy}"
    bundle = str(scratch / BUNDLE)
    paths = {
        name: ":".join(there(part) for part in plan.environ[name].split(":"))
        for name in ("PYTHONPATH", "NODE_PATH", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR")
        if name in plan.environ
    }
    if "NODE_PATH" in paths and "/node_modules" in shown:
        paths["NODE_PATH"] += f":{shown['/node_modules']}"  # there is no such folder above the code
    told = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_api}",
        "AWS_ENDPOINT_URL": here,
        "AWS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "NODE_EXTRA_CA_CERTS": bundle,
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), here),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
        "PWD": there(TASK),
    }
    environ = {k: v for k, v in plan.environ.items() if k != "LD_LIBRARY_PATH"}
    return (
        replace(
            plan,
            argv=tuple(there(word) if word.startswith("/") else word for word in argv),
            extensions=(),
            environ={**environ, **paths, **told},
            directory=there(plan.directory),
            binds=(),
            files={},
        ),
        {**inline, scratch / BUNDLE: authority},
    )
