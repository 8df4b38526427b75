"""F07: What an application brings does nothing before it runs, and brings nothing of the host's along.

Knows hostile projects as they are checked out. Does not know how they are looked through.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.workplace import Ran, Workplace

SECRET = "s" + "7" * 19
FUNCTION = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {{Runtime: python3.11, Handler: app.handler, CodeUri: {code}, Timeout: 20}}
  Files: {{Type: AWS::S3::Bucket, Properties: {{BucketName: files}}}}
"""
READER = """\
import os
def handler(event, context):
    told = {}
    for folder, _, names in os.walk("/var/task"):
        for name in names:
            try:
                told[name] = open(os.path.join(folder, name)).read()
            except OSError as error:
                told[name] = repr(error)
    return told
"""


@pytest.fixture
def project(tmp_path: Path) -> Workplace:
    """A project, and beside it what is the host's."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "secret.txt").write_text(SECRET)
    folder = tmp_path / "shop"
    folder.mkdir()
    made = Workplace(folder)
    made.write("template.yaml", FUNCTION.format(code="src"))
    made.write("src/app.py", READER)
    return made


def linked(project: Workplace) -> None:
    """A link in the code that leads out."""
    (project.folder / "src" / "notes.txt").symlink_to("../../host/secret.txt")


def linked_far(project: Workplace) -> None:
    """A link to a folder, through another."""
    (project.folder / "src" / "more").symlink_to("../../host")
    (project.folder / "src" / "notes.txt").symlink_to("more/secret.txt")


def above(project: Workplace) -> None:
    """Code that is the folder above."""
    project.write("template.yaml", FUNCTION.format(code=".."))


def absolute(project: Workplace) -> None:
    """Code by an absolute path."""
    project.write("template.yaml", FUNCTION.format(code=str(project.folder.parent / "host")))


def through_a_link(project: Workplace) -> None:
    """Code behind a link."""
    (project.folder / "lib").symlink_to("../host")
    project.write("template.yaml", FUNCTION.format(code="lib"))


def layered(project: Workplace) -> None:
    """A layer whose folder of extensions, which are looked through outside, leads out."""
    layer = project.folder / "layer"
    layer.mkdir()
    (layer / "extensions").symlink_to("../../host")
    layers = "\n  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}}\n"
    used = FUNCTION.format(code="src").replace("Timeout: 20", "Timeout: 20, Layers: [!Ref Layer]")
    project.write("template.yaml", used.rstrip("\n") + layers)


def seeded(project: Workplace) -> None:
    """A seed that takes a file from outside its folder."""
    project.write("seed.yaml", 'Files: {"k": {file: ../host/secret.txt}}\n')


def seeded_by_link(project: Workplace) -> None:
    """The same, behind a link."""
    (project.folder / "notes.txt").symlink_to("../host/secret.txt")
    project.write("seed.yaml", 'Files: {"k": {file: notes.txt}}\n')


LEADS_OUT: dict[str, tuple[Callable[[Workplace], None], str]] = {
    "a link": (linked, "src/notes.txt"),
    "a link through a link": (linked_far, "src/notes.txt"),
    "the folder above": (above, "../host/secret.txt"),
    "an absolute path": (absolute, "../host/secret.txt"),
    "code behind a link": (through_a_link, "lib/secret.txt"),
    "a link in a layer": (layered, "layer/extensions/secret.txt"),
    "a seed's file": (seeded, "../host/secret.txt"),
    "a seed's link": (seeded_by_link, "notes.txt"),
}


def refused(ran: Ran, project: Workplace) -> None:
    """See that it was told as a mistake in one line, with nothing run."""
    assert ran.code == 2, ran
    assert ran.out == ""
    assert len([line for line in ran.err.splitlines() if line.startswith("valve: ")]) == 1, ran.err
    assert "START RequestId" not in ran.err
    assert SECRET not in ran.err


@pytest.mark.parametrize("what", LEADS_OUT)
@pytest.mark.parametrize("mode", ["off", "audit"])
def test_what_leads_out_of_the_project_is_refused_before_anything_runs(
    what: str, mode: str, project: Workplace
) -> None:
    prepare, path = LEADS_OUT[what]
    prepare(project)
    assert (project.folder / path).read_text() == SECRET, "who follows it gets there"
    refused(project.invoke("Hello", "--mode", mode), project)


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/valve-f07-out.txt", "a/../../out.txt"])
def test_an_archive_s_entry_that_leaves_it_is_refused(name: str, project: Workplace) -> None:
    with zipfile.ZipFile(project.folder / "code.zip", "w") as archive:
        archive.writestr("app.py", READER)
        archive.writestr(name, "x")
    there = os.path.normpath(project.folder / "src" / name)
    assert not there.startswith(str(project.folder / "src") + os.sep), "who joins the two gets out"
    project.write("template.yaml", FUNCTION.format(code="code.zip"))
    refused(project.invoke("Hello"), project)
    assert not Path(there).exists()


def test_build_code_of_a_package_does_not_run(project: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = project.folder.parent / "ran"
    source = project.folder.parent / "evil-1.0"
    source.mkdir()
    (source / "setup.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    subprocess.run([sys.executable, "setup.py"], cwd=source, check=True)
    assert ran.exists(), "who builds it runs it"
    ran.unlink()
    with tarfile.open(project.folder / "evil-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "evil-1.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(project.folder))
    project.write("src/requirements.txt", "evil\n")
    told = project.invoke("Hello")
    assert (told.code, ran.exists()) == (2, False), told
    assert "--allow-build" in told.err


@pytest.mark.parametrize("at", ["audit.jsonl", "labels.db", ""])
def test_a_link_where_records_and_labels_go_leads_nowhere(at: str, project: Workplace) -> None:
    """What a function asks for stands in a record: appended to a shell's profile it would be run."""
    host = project.folder.parent / "host"
    (host / "audit.jsonl").write_text("# the host's\n")
    before = {path.name: path.read_bytes() for path in host.iterdir()}
    link = project.folder / ".valve" / at if at else project.folder / ".valve"
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(host / at if at else host)
    ran = project.invoke("Hello")
    assert {path.name: path.read_bytes() for path in host.iterdir()} == before
    refused(ran, project)
    assert "it is a link" in ran.err


def test_the_honest_twin_runs(project: Workplace) -> None:
    (project.folder / "src" / "words.txt").write_text("within")
    (project.folder / "src" / "notes.txt").symlink_to("words.txt")
    project.write("seed.yaml", 'Files: {"k": {file: src/words.txt}}\n')
    ran = project.invoke("Hello")
    assert ran.code == 0, ran
    assert json.loads(ran.out)["notes.txt"] == "within"
