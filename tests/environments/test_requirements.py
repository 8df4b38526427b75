"""`requirements.txt`, honest and hostile."""

from __future__ import annotations

import pytest

from valve_aws.environments.requirements import read
from valve_aws.model.source import Invalid

HONEST = """\
\ufeff# the usual
requests
boto3==1.34.*   # pinned
aws-lambda-powertools[tracer,validation]>=2.0,<3 ; python_version >= "3.9"
Flask ~= 2.0
zope.interface!=5.0
six (>=1.15)
urllib3==2.0.0 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
pack @ https://example.org/pack-1.0-py3-none-any.whl#sha256=00

"""


def test_packages_by_name_are_taken_as_they_are() -> None:
    assert read(HONEST, "r.txt").splitlines() == [
        "requests",
        "boto3==1.34.*",
        'aws-lambda-powertools[tracer,validation]>=2.0,<3 ; python_version >= "3.9"',
        "Flask ~= 2.0",
        "zope.interface!=5.0",
        "six (>=1.15)",
        "urllib3==2.0.0 --hash=sha256:aaaa --hash=sha256:bbbb",
        "pack @ https://example.org/pack-1.0-py3-none-any.whl#sha256=00",
    ]


def test_nothing_but_comments_is_nothing() -> None:
    assert read("# one\n\n   # two\n", "r.txt") == ""


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--editable=git+https://example.org/x#egg=x",
        "-r ../other.txt",
        "-c limits.txt",
        "--index-url https://example.org/simple",
        "--extra-index-url=https://example.org",
        "--find-links /tmp",
        "--trusted-host example.org",
        "-i https://example.org",
        "--pre",
        "requests --index-url https://example.org",
        ".",
        "..",
        "./lib",
        "../lib",
        "/etc",
        "lib/x.whl",
        "x.tar.gz/",
        "~/x",
        "file:///etc/passwd",
        "file:lib",
        "git+https://example.org/x.git",
        "git+ssh://git@example.org/x.git",
        "https://example.org/x.tar.gz",
        "x @ file:///tmp/x.whl",
        "x @ git+https://example.org/x",
        "x @ http://example.org/x-1-py3-none-any.whl",
        "x @ https://example.org/x.tar.gz",
        "x==${TOKEN}",
        "x @ https://${USER}/x.whl",
        "x; python_version > '${A}'",
        "requests\x00",
        "requests --global-option=build_ext",
        "a b",
    ],
)
def test_what_reaches_beyond_packages_by_name_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(f"# first\n{line}\n", "code/requirements.txt")
    assert str(refused.value.where) == "code/requirements.txt:2"


def test_an_option_behind_a_continuation_is_seen() -> None:
    with pytest.raises(Invalid):
        read("requests \\\n  --index-url https://example.org\n", "r.txt")


def test_a_very_long_line_is_refused_at_once() -> None:
    with pytest.raises(Invalid):
        read("a" * 200_000 + "!", "r.txt")
