"""Code paths, links, archives and nested templates stay in their folder."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from valve_aws import template
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Code, Stack

Read = Callable[..., Stack]

FUNCTION = "Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: '{}'}}}}}}"


@pytest.mark.parametrize(
    "path",
    [
        "../",
        "..",
        "src/../../x",
        "/etc",
        "/",
        "~/../../etc",
        "src/./.././../y",
        "link",
        "link/deeper",
        "link/../../z",
    ],
)
def test_a_path_that_leaves_the_folder_is_refused(read: Read, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "app/src").mkdir(parents=True)
    (tmp_path / "app/link").symlink_to(tmp_path / "outside")
    with pytest.raises(Invalid, match="the template's folder"):
        read(FUNCTION.format(path), name="app/template.yaml")


def test_a_nul_in_a_path_is_refused(read: Read) -> None:
    with pytest.raises(Invalid, match="NUL"):
        read(
            '{"Resources": {"F": {"Type": "AWS::Serverless::Function", '
            '"Properties": {"CodeUri": "a\\u0000b"}}}}'
        )


def test_a_layer_and_an_asset_and_a_nested_template_may_not_leave_either(read: Read) -> None:
    for text in (
        "{L: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: ../x}}}",
        "{F: {Type: AWS::Lambda::Function, Metadata: {'aws:asset:path': /etc}, Properties: {Code: {}}}}",
        "{N: {Type: AWS::Serverless::Application, Properties: {Location: ../template.yaml}}}",
        "{N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: /etc/template.yaml}}}",
    ):
        with pytest.raises(Invalid, match="the template's folder"):
            read(f"Resources: {text}", name="app/template.yaml")


def test_a_home_folder_is_nobody_s_code(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "people/me"))
    (tmp_path / "people/me").mkdir(parents=True)
    for name in ("people/me/template.yaml", "people/template.yaml"):
        with pytest.raises(Invalid, match="home folder"):
            read(FUNCTION.format("."), name=name)
    assert read(FUNCTION.format("."), name="people/me/app/template.yaml").functions["F"].code.folder


def test_what_sam_built_may_point_back_into_the_project(read: Read, tmp_path: Path) -> None:
    built = read(FUNCTION.format("../../src"), name=".aws-sam/build/template.yaml", files={"src/a.py": ""})
    assert built.functions["F"].code.folder == tmp_path.resolve() / "src"
    with pytest.raises(Invalid, match="the template's folder"):
        read(FUNCTION.format("../../../src"), name=".aws-sam/build/template.yaml")


def test_a_project_that_is_named_holds_code_beside_the_template_s_folder(read: Read, tmp_path: Path) -> None:
    project = tmp_path / "app"
    files = {"app/src/a.py": "", "other/b.py": ""}
    made = read(FUNCTION.format("../src"), name="app/sam/template.yaml", files=files, project=project)
    assert made.functions["F"].code.folder == project.resolve() / "src"
    for path in ("../../other", str(tmp_path / "other")):
        with pytest.raises(Invalid, match=r"folder; keep it within `.*/app`, or say with `--project`"):
            read(FUNCTION.format(path), name="app/sam/template.yaml", project=project)


def test_a_project_is_no_home_folder_and_holds_the_template(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    for project, problem in (("me", "home folder"), (".", "home folder"), ("me/x", "the template is not in")):
        (tmp_path / project).mkdir(parents=True, exist_ok=True)
        with pytest.raises(Invalid, match=f"^--project: .*{problem}"):
            read(FUNCTION.format("."), name="me/app/template.yaml", project=tmp_path / project)


def test_a_link_within_the_folder_is_followed_and_one_that_leaves_is_found(tmp_path: Path) -> None:
    root = (tmp_path / "code").resolve()
    (root / "deep/er").mkdir(parents=True)
    (root / "a.py").write_text("")
    (root / "deep/er/a.py").symlink_to("../../a.py")
    template.inspect(Code(folder=root))
    (root / "deep/er/out").symlink_to("../../../secret")
    with pytest.raises(Invalid, match=r"t:3: the link `deep/er/out` leads out of"):
        template.inspect(Code(folder=root, where=Where("t", 3)))


def test_the_links_of_a_virtual_environment_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/pyvenv.cfg").write_text("")
    (tmp_path / ".venv/bin/python").symlink_to("/usr/bin/python3")
    template.inspect(Code(folder=tmp_path.resolve()))


def test_a_pipe_among_the_code_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Invalid, match="no ordinary file"):
        template.inspect(Code(folder=tmp_path.resolve()))


def archive(folder: Path, *entries: tuple[str, str, bool]) -> Code:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content, link in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = ((stat.S_IFLNK if link else stat.S_IFREG) | 0o644) << 16
            z.writestr(entry, content)
    path = folder / "code.zip"
    path.write_bytes(buffer.getvalue())
    return Code(archive=path)


@pytest.mark.parametrize(
    "entry",
    [
        ("../x", "", False),
        ("/etc/x", "", False),
        ("a/../../x", "", False),
        ("..\\x", "", False),
        ("link", "/etc/passwd", True),
        ("a/link", "../../x", True),
        ("link", "..", True),
    ],
)
def test_an_archive_s_entry_that_leaves_it_is_refused(tmp_path: Path, entry: tuple[str, str, bool]) -> None:
    with pytest.raises(Invalid, match="leads out of it"):
        template.inspect(archive(tmp_path, ("fine.py", "", False), entry))


def test_an_honest_archive_passes(tmp_path: Path) -> None:
    template.inspect(
        archive(tmp_path, ("a/b.py", "x", False), ("a/link", "../a/b.py", True), ("..hidden", "", False))
    )


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    code = archive(tmp_path, *((f"{n}", "0" * (32 << 20), False) for n in range(9)))
    with pytest.raises(Invalid, match="holds more than"):
        template.inspect(code)


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_text("not one")
    with pytest.raises(Invalid, match="no archive that can be read"):
        template.inspect(Code(archive=tmp_path / "code.zip"))


@pytest.mark.parametrize(
    ("there", "asked", "found"),
    [
        (["template.yaml", ".aws-sam/build/template.yaml"], None, ".aws-sam/build/template.yaml"),
        (["template.yaml", "template.yml"], None, "template.yaml"),
        (["template.yml", "template.json"], None, "template.yml"),
        (["template.json"], None, "template.json"),
        (["app/template.yml"], "app", "app/template.yml"),
        (["app/.aws-sam/build/template.yaml", "app/template.yml"], "app", "app/.aws-sam/build/template.yaml"),
        (["infra/my.yaml", ".aws-sam/build/template.yaml"], "infra/my.yaml", "infra/my.yaml"),
        (["x.template"], "x.template", "x.template"),
    ],
)
def test_the_template_is_found_where_sam_looks_for_it(
    there: list[str], asked: str | None, found: str
) -> None:
    exists = {Path(p) for p in there}.__contains__
    assert template.locate(Path(asked) if asked else None, exists) == Path(found)


@pytest.mark.parametrize("asked", [None, "folder", "folder/x.yaml"])
def test_no_template_is_told_with_what_to_do(asked: str | None) -> None:
    with pytest.raises(Invalid, match="-t"):
        template.locate(Path(asked) if asked else None, lambda _: False)
