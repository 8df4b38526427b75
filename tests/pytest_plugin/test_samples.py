"""The samples of common testing patterns run as their pages say, and fail when their function reads too much.

Knows their folders. Does not know what they show.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import boto3
import pytest

from tests.pytest_plugin.conftest import ROOT, Project
from tests.stories.world import moto

pytestmark = pytest.mark.slow

SAMPLES = ROOT / "samples"


@pytest.fixture
def samples(tmp_path: Path, installed: Path) -> Path:
    left = shutil.ignore_patterns(".valve", "__pycache__")
    for name in ("leak_test", "moto_server", "endpoint"):
        shutil.copytree(SAMPLES / name, tmp_path / name, ignore=left)
    return tmp_path


def reads_more(samples: Path) -> None:
    path = samples / "leak_test" / "src" / "app.py"
    text = path.read_text()
    assert "id, country" in text
    path.write_text(text.replace("id, country", "id, country, email"))


@pytest.mark.parametrize(
    ("name", "words"),
    [("leak_test", ("-n", "4")), ("moto_server", ()), ("endpoint", ("-n", "1"))],
    ids=["pytest-xdist", "moto's server", "an endpoint"],
)
def test_a_pattern_passes_and_fails_when_its_function_reads_too_much(
    samples: Path, installed: Path, name: str, words: tuple[str, ...]
) -> None:
    project = Project(samples / name, installed)
    with moto() as endpoint:
        code, out = project.pytest(*words, STAGE_ENDPOINT=endpoint)
        assert code == 0, out
        reads_more(samples)
        code, out = project.pytest("-x", STAGE_ENDPOINT=endpoint)
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        client = boto3.client("dynamodb", "us-east-1", endpoint_url=endpoint, **keys)
        there = client.list_tables()["TableNames"]
    assert any("gw0" in table for table in there) is (name == "endpoint"), "a worker has names of its own"
    assert code == 1
    assert "REFUSED" in out
    assert "carries   pii/email; Jobs accepts nothing" in out
