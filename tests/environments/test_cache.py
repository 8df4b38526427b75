"""The cache: made once, whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import boto3
import pytest

from valve_aws.environments import host
from valve_aws.environments.cache import Cache
from valve_aws.model.source import NOWHERE, Invalid, Where

OWN = host.own()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, said: list[str]) -> Cache:
    return Cache(tmp_path / "cache", said.append)


def write(folder: Path) -> None:
    (folder / "made").write_text("whole")


def test_a_folder_is_made_once(cache: Cache) -> None:
    made: list[Path] = []
    first = cache.get("x", ["key"], made.append)
    assert cache.get("x", ["key"], made.append) == first
    assert cache.get("x", ["other"], made.append) != first
    assert cache.get("y", ["key"], made.append) != first
    assert len(made) == 3


def test_parts_of_a_key_do_not_run_together(cache: Cache) -> None:
    assert cache.get("x", ["ab", "c"], write) != cache.get("x", ["a", "bc"], write)


def test_what_fails_leaves_nothing(cache: Cache, tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise KeyError("half-way")

    with pytest.raises(KeyError):
        cache.get("x", ["key"], fail)
    assert not list(tmp_path.rglob("made"))
    assert (cache.get("x", ["key"], write) / "made").read_text() == "whole"


def test_what_a_killed_maker_left_is_never_used(cache: Cache, tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from valve_aws.environments.cache import Cache
        def make(folder):
            (folder / "made").write_text("half")
            print("begun", flush=True)
            time.sleep(60)
        Cache(Path(sys.argv[1]), print).get("x", ["key"], make)
    """)
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "cache")], stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"begun\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert (cache.get("x", ["key"], write) / "made").read_text() == "whole"


def test_two_processes_make_one_folder(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, sys, time
        from pathlib import Path
        from valve_aws.environments.cache import Cache
        def make(folder):
            with open(sys.argv[1] + ".count", "a") as count:
                count.write("x")
            (folder / "made").write_text("whole")
            time.sleep(0.2)
        print((Cache(Path(sys.argv[1]), lambda line: None).get("x", ["key"], make) / "made").read_text())
    """)
    argv = [sys.executable, "-c", script, str(tmp_path / "cache")]
    children = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(3)]
    assert [child.communicate()[0] for child in children] == [b"whole\n"] * 3
    assert (tmp_path / "cache.count").read_text() == "x"


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="VALVE_CACHE"):
        Cache(tmp_path / "file" / "cache", print).get("x", ["key"], write)


def wheel(folder: Path, name: str, source: str) -> None:
    """Write a wheel of one module."""
    info = f"{name}-1.0.dist-info"
    contents = {
        f"{name}.py": source,
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels in place of any index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("PIP_CONFIG_FILE", raising=False)
    return folder


def test_packages_are_installed_once_with_a_line_before_and_after(
    cache: Cache, index: Path, said: list[str]
) -> None:
    wheel(index, "greeting", "WORD = 'hello'")
    where = Where("code/requirements.txt")
    folder = cache.packages(OWN, "greeting\n", where)
    assert (folder / "greeting.py").read_text() == "WORD = 'hello'"
    assert list(folder.glob("__pycache__/greeting.*.pyc"))
    assert cache.packages(OWN, "greeting\n", where) == folder
    assert said[0] == f"installing 1 package of `code/requirements.txt` for {OWN.name} (once)"
    assert said[1].startswith("installed 1 package of `code/requirements.txt` in ")
    assert len(said) == 2


def test_what_is_installed_names_the_place_where_it_shows_and_no_path_of_the_host(
    cache: Cache, index: Path, tmp_path: Path
) -> None:
    wheel(index, "greeting", "def main(): pass")
    folder = cache.packages(OWN, "greeting\n", Where("code/requirements.txt"))
    (compiled,) = folder.glob("__pycache__/greeting.*.pyc")
    program = folder / "bin" / "greeting"
    assert b"/var/packages/greeting.py" in compiled.read_bytes()
    assert program.read_text().startswith(f"#!{OWN.inside}\n")
    assert os.access(program, os.X_OK)
    for hosts in (str(tmp_path), str(OWN.prefix), "pip-target"):
        named = [path for path in folder.rglob("*") if path.is_file() and hosts.encode() in path.read_bytes()]
        assert named == [] or hosts == "/usr"


def test_a_package_that_cannot_be_had_is_told_with_pips_reason(
    cache: Cache, index: Path, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="No matching distribution found for nowhere-at-all") as refused:
        cache.packages(OWN, "nowhere-at-all\n", Where("code/requirements.txt"))
    assert str(refused.value).startswith("code/requirements.txt: the packages cannot be installed: ")
    assert [path.suffix for path in (tmp_path / "cache" / "making").iterdir()] == [".lock"]


def test_the_code_of_a_source_package_does_not_run(cache: Cache, index: Path, tmp_path: Path) -> None:
    import tarfile

    ran = tmp_path / "ran"
    source = tmp_path / "evil-1.0"
    source.mkdir()
    (source / "setup.py").write_text(f"open({str(ran)!r}, 'w')\nimport setuptools\nsetuptools.setup()")
    with tarfile.open(index / "evil-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "evil-1.0")
    with pytest.raises(Invalid, match="--allow-build"):
        cache.packages(OWN, "evil\n", Where("r.txt"))
    assert not ran.exists()


def archive(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in entries.items():
            opened.writestr(name, content)
    return path


def test_an_archive_is_unpacked_once_by_its_content(cache: Cache, tmp_path: Path) -> None:
    path = archive(tmp_path / "code.zip", **{"app.py": b"x = 1", "lib/deep/data.bin": b"\0"})
    folder = cache.archive(path, NOWHERE)
    assert (folder / "app.py").read_bytes() == b"x = 1"
    assert (folder / "lib/deep/data.bin").read_bytes() == b"\0"
    assert cache.archive(path.rename(tmp_path / "same.zip"), NOWHERE) == folder


def test_what_may_be_executed_stays_so(cache: Cache, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as opened:
        entry = zipfile.ZipInfo("run")
        entry.external_attr = 0o100755 << 16
        opened.writestr(entry, "#!/bin/sh\n")
    assert os.access(cache.archive(tmp_path / "code.zip", NOWHERE) / "run", os.X_OK)


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "..\\out", "C:/out", "a/.."])
def test_an_entry_that_would_leave_the_folder_is_refused(cache: Cache, tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "code.zip", **{"app.py": b"x", name: b"y"})
    with pytest.raises(Invalid, match="would leave the folder"):
        cache.archive(path, NOWHERE)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o010666])
def test_links_and_devices_are_refused(cache: Cache, tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as opened:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = kind << 16
        opened.writestr(entry, "/etc/passwd")
    with pytest.raises(Invalid, match="a link or a device"):
        cache.archive(tmp_path / "code.zip", NOWHERE)


def test_a_bomb_is_refused_whatever_it_claims(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from valve_aws.environments import files

    monkeypatch.setattr(files, "UNPACKED", 1 << 20)
    path = archive(tmp_path / "code.zip", bomb=bytes(4 << 20))
    content = path.read_bytes().replace((4 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(Invalid):
        cache.archive(path, NOWHERE)
    honest = archive(tmp_path / "honest.zip", bomb=bytes(4 << 20))
    with pytest.raises(Invalid, match="unpacks to more than"):
        cache.archive(honest, NOWHERE)
    assert not [path for path in (tmp_path / "cache").iterdir() if path.name.startswith("archive")]


def test_what_is_no_archive_is_told(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(Invalid, match="is it a zip archive"):
        cache.archive(tmp_path / "code.zip", Where("template.yaml", 3, 5))
    with pytest.raises(Invalid, match="cannot be read"):
        cache.archive(tmp_path / "nowhere.zip", NOWHERE)


def test_layers_are_merged_in_their_order(cache: Cache, tmp_path: Path) -> None:
    for name, text in (("one", "1"), ("two", "2")):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "both.py").write_text(text)
        (tmp_path / name / f"only-{name}").write_text(text)
    (tmp_path / "one" / "link").symlink_to("/etc/passwd")
    merged = cache.merged(((tmp_path / "one", ""), (tmp_path / "two", "")))
    assert (merged / "python" / "both.py").read_text() == "2"
    assert {path.name for path in merged.iterdir()} == {"python", "only-one", "only-two", "link"}
    assert (merged / "link").is_symlink()
    (tmp_path / "two" / "python" / "both.py").write_text("changed")
    again = cache.merged(((tmp_path / "one", ""), (tmp_path / "two", "")))
    assert (again / "python" / "both.py").read_text() == "changed"


def test_the_runtime_of_our_own_interpreter_needs_no_network(
    cache: Cache, index: Path, said: list[str]
) -> None:
    shims = Path(__file__).parents[2] / "shims" / "python"
    folder = cache.runtime(OWN, shims)
    names = {path.name for path in folder.iterdir()}
    assert {"awslambdaric", "boto3", "botocore", "bootstrap.py", "_valve_evidence.py", "urllib3"} <= names
    assert not names & {"pytest", "click", "valve_aws", "pip"}
    (compiled,) = (folder / "__pycache__").glob("_valve_evidence.*.pyc")
    assert b"/var/runtime/_valve_evidence.py" in compiled.read_bytes()
    all_compiled = list((folder / "boto3").rglob("*.pyc"))
    assert all_compiled
    site = str(Path(boto3.__file__).parents[1]).encode()
    assert not [path for path in all_compiled if site in path.read_bytes()]
    assert said == []
