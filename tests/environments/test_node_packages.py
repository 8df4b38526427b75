"""Packages of Node as npm installs them: nothing of them runs, nothing of this machine comes along.

Knows a registry on loopback with a hostile package, and npm as it is. Does not know functions.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.nodes import node
from valve_aws.environments import cache as door
from valve_aws.environments import files
from valve_aws.environments.cache import Cache, Unavailable

CLIENT, _, VERSION = door.CLIENT.partition("@")

Registry = Callable[[dict[str, Any]], None]
"""Publishes `brought`, which depends on what it is given, `installed`, and one by the name of AWS's own."""


def packed(manifest: dict[str, Any]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        content = json.dumps(manifest).encode()
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    answers: dict[str, bytes] = {}

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = answers.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    here = f"http://127.0.0.1:{server.server_address[1]}"

    def publish(needs: dict[str, Any]) -> None:
        for name, dependencies in (("brought", needs), ("installed", {}), (CLIENT, {})):
            version = VERSION if name == CLIENT else "1.0.0"
            manifest = {"name": name, "version": version, "dependencies": dependencies}
            content = answers[f"/{name}.tgz"] = packed(manifest)
            digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
            dist = {"tarball": f"{here}/{name}.tgz", "integrity": f"sha512-{digest}"}
            told = {"name": name, "dist-tags": {"latest": version}}
            answers[f"/{name}"] = json.dumps(
                {**told, "versions": {version: {**manifest, "dist": dist}}}
            ).encode()

    monkeypatch.setenv("npm_config_registry", here)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield publish
    server.shutdown()
    server.server_close()


def repository(folder: Path, ran: Path) -> str:
    """Make a repository whose own settings say which program git is; return how a package names it."""
    folder.mkdir()
    needs = {"inner": "git+https://127.0.0.1:9/x.git"}
    manifest = {"name": "outer", "version": "1.0.0", "scripts": {"prepare": "true"}, "devDependencies": needs}
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / ".npmrc").write_text("git=./git.sh\n")
    (folder / "git.sh").write_text(f"#!/bin/sh\ntouch '{ran}'\nexit 1\n")
    (folder / "git.sh").chmod(0o755)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        who = ["-c", "user.name=x", "-c", "user.email=x@x"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    return f"git+file://{folder}"


def test_a_repository_that_a_package_needs_runs_nothing(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by what npm allows nor, where it knows nothing of that, by which program git is."""
    ran, there = tmp_path / "ran", node()
    registry({"outer": repository(tmp_path / "outer", ran)})
    cache = Cache(tmp_path / "cache", lambda _: None)
    for words in (door.FROM_THE_REGISTRY, ("--ignore-scripts", "--git=/dev/null")):
        monkeypatch.setattr(door, "FROM_THE_REGISTRY", words)
        with pytest.raises(Unavailable):
            cache.node_packages(there, {"brought": "*"})
        assert not ran.exists()
    monkeypatch.setattr(door, "FROM_THE_REGISTRY", ("--ignore-scripts",))
    with pytest.raises(Unavailable):
        cache.node_packages(there, {"brought": "*"})
    assert ran.exists(), "who only says that no script is to run runs this"


def test_an_archive_of_this_machine_that_a_package_needs_is_not_shown(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by what npm allows nor, where it knows nothing of that, once it has come along."""
    private, there = tmp_path / "private.tgz", node()
    private.write_bytes(packed({"name": "private", "version": "1.0.0", "secret": "marker"}))
    registry({"private": f"file:{private}"})
    cache = Cache(tmp_path / "cache", lambda _: None)
    for words in (door.FROM_THE_REGISTRY, ("--ignore-scripts",)):
        monkeypatch.setattr(door, "FROM_THE_REGISTRY", words)
        with pytest.raises(Unavailable):
            cache.node_packages(there, {"brought": "*"})
    monkeypatch.setattr(files, "of_this_machine", lambda _: "")
    shown = cache.node_packages(there, {"brought": "*"})
    assert "marker" in (shown / "private" / "package.json").read_text(), "who looks at neither has it"


def test_packages_of_the_registry_are_there_whatever_they_are_called(
    tmp_path: Path, registry: Registry
) -> None:
    registry({})
    cache = Cache(tmp_path / "cache", lambda _: None)
    shown = cache.node_packages(node(), {"brought": "1.0.0", "installed": "*"})
    assert {each.name for each in shown.iterdir() if each.name[0] != "."} == {"brought", "installed"}


def test_a_client_that_is_another_than_it_was_is_not_taken(tmp_path: Path, registry: Registry) -> None:
    registry({})
    cache = Cache(tmp_path / "cache", lambda _: None)
    shims = Path(__file__).parents[2] / "shims" / "node"
    with pytest.raises(Unavailable, match="is another one than it was"):
        cache.node_client(node(), shims)
    assert not list((tmp_path / "cache").glob("node-*"))
