"""What code uses, as lines of a file: stable, read back, and nothing new goes by it.

Knows records and the file. Does not know how records come about; `tests/cli/test_lock.py` makes real ones.
"""

from __future__ import annotations

import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws import lockfile
from valve_aws.lockfile import Names, compare, general, read, renewed, told, uses, written
from valve_aws.model.call import Evidence
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid
from valve_aws.model.verdict import Mode, Reason, Rule

ACCOUNT, REGION = "123456789012", "eu-west-1"
BUCKET = "arn:aws:s3:::shop-uploads-1a2b3c4d"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-jobs-5e6f7a8b"
NAMES = Names({BUCKET: "Uploads", QUEUE: "Jobs"}, ACCOUNT, REGION, {BUCKET: ("tenants/{tenant}/*",)})
LOOSE = lockfile.Lock()


def record(
    operation: str = "PutObject",
    resources: tuple[str, ...] = (BUCKET,),
    service: str = "s3",
    function: str = "Worker",
    **more: Any,
) -> Record:
    made = Record(
        "r-1",
        "2026-11-29T00:00:00Z",
        service,
        operation,
        REGION,
        ACCOUNT,
        "allow",
        Mode.AUDIT,
        function,
        f"{function}-1",
        "i-1",
        resources,
    )
    return replace(made, **more)


def line(made: Record, names: Names = NAMES) -> str:
    (use,) = uses([made], names)
    return str(use)


# Any text that a stranger may have had a word in, and the words of records.
TEXT = st.text(max_size=40) | st.text(string.ascii_letters + string.digits + "*{}%#/ :._-\n<=>|", max_size=40)
RESOURCES = st.one_of(
    st.sampled_from([BUCKET, QUEUE, "*"]),
    st.builds("arn:aws:sqs:{}:{}:{}".format, TEXT, TEXT, TEXT),
    st.builds("https://{}/{}".format, TEXT, TEXT),
    TEXT.filter(bool),
)
RECORDS = st.builds(
    lambda function, service, operation, resources, key, region: record(
        operation, tuple(resources), service, function, parameters={"key": key}, region=region
    ),
    TEXT.filter(bool),
    st.sampled_from(["s3", "sqs", "valve"]) | TEXT.map("s{}".format),
    st.sampled_from(["PutObject", "SendMessage", "Visit", "Connect", "Presign"]) | TEXT.map("O{}".format),
    st.lists(RESOURCES, max_size=3),
    TEXT,
    st.sampled_from([REGION, "us-east-1", ""]),
)


@given(st.lists(RECORDS, max_size=12), st.lists(RECORDS, max_size=6))
def test_what_was_taken_in_is_clean_and_reads_back_as_it_was_written(
    before: list[Record], after: list[Record]
) -> None:
    lock = renewed(renewed(LOOSE, uses(before, NAMES)), uses(after, NAMES))
    text = written(lock)
    again = read(text, "valve.lock")
    assert written(again) == text
    assert text.isascii()
    for records in (before, after, before + after):
        assert compare(uses(records, NAMES), again).new == ()
        assert written(renewed(again, uses(records, NAMES))) == text
    assert compare(uses(before + after, NAMES), again).gone == ()


@given(st.lists(RECORDS, max_size=12).flatmap(lambda made: st.tuples(st.just(made), st.permutations(made))))
def test_the_order_of_records_means_nothing(made: tuple[list[Record], list[Record]]) -> None:
    texts = {written(renewed(LOOSE, uses(records, NAMES))) for records in made}
    assert len(texts) == 1


@given(st.lists(RECORDS, max_size=8))
def test_a_new_function_operation_host_owner_or_store_is_told_whatever_is_known(known: list[Record]) -> None:
    lock = read(written(renewed(LOOSE, uses(known, NAMES))), "valve.lock")
    for like in (*known, record()):
        for new in (
            replace(like, service="s3", function="Brandnew"),
            replace(like, service="sts", operation="GetCallerIdentity"),
            replace(
                like, service="s3", operation="PutObject", resources=("arn:aws:s3:::brand-new-0123456789ab",)
            ),
            replace(like, service="sqs", resources=(f"arn:aws:sqs:{REGION}:999988887777:jobs",)),
            replace(like, service="valve", operation="Visit", resources=("https://0123456789abcdef.test/x",)),
            replace(like, service="valve", operation="Connect", resources=("tcp://brand.new:5432",)),
        ):
            used = uses([new], NAMES)
            assert used
            assert compare(used, lock).new == tuple(sorted(used)), new


@given(st.text(string.ascii_lowercase, min_size=1, max_size=8), st.integers(10**7, 10**12), st.uuids())
def test_what_differs_from_run_to_run_is_not_in_a_line(word: str, number: int, ident: object) -> None:
    for first, second in (
        (f"{word}/{number}.json", f"{word}/{number + 1}.json"),
        (f"{word}/2026/11/29/{ident}.csv", f"{word}/2027/01/02/{number}.csv"),
        (f"{word}/{ident}/x", f"{word}/{number}/x"),
        (f"alice-{number}@example.org", f"bob-{number}@example.org"),
    ):
        assert general.key(first) == general.key(second), first
    assert general.path(f"/v1/{word}/{ident}/items") == general.path(f"/v1/{word}/{number}/items")
    assert general.host(f"http://127.0.0.1:{number % 60000 + 1024}", REGION) == "http://127.0.0.1:*"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (record(parameters={"key": "orders/ORD-17.json"}), "Worker s3:PutObject Uploads/orders/*.json aws"),
        (
            record(parameters={"key": "tenants/acme/a.txt"}),
            "Worker s3:PutObject Uploads/tenants/{tenant}/* aws",
        ),
        (record(parameters={"key": "alice@example.org/x"}), "Worker s3:PutObject Uploads/* aws"),
        (record("DeleteObjects", parameters={"key": "a/b"}), "Worker s3:DeleteObjects Uploads/* aws"),
        (record("ListBuckets", ()), "Worker s3:ListBuckets - aws"),
        (record("SendMessage", (QUEUE,), "sqs"), "Worker sqs:SendMessage Jobs aws"),
        (
            record("SendMessage", ("arn:aws:sqs:eu-west-1:999988887777:loot",), "sqs"),
            "Worker sqs:SendMessage arn:aws:sqs:<region>:999988887777:loot aws",
        ),
        (
            record("SendMessage", (f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs",), "sqs", region="us-east-1"),
            "Worker sqs:SendMessage arn:aws:sqs:us-east-1:<account>:jobs aws/us-east-1",
        ),
        (
            record("Visit", ("https://api.partner.test/v1/charges/ch_1NqZ",), "valve"),
            "Worker visit /v1/charges/* https://api.partner.test",
        ),
        (record("Connect", ("tcp://db.internal:5432",), "valve"), "Worker connect - tcp://db.internal:5432"),
        (
            record("SendEmail", ("ses:to/alice@example.org",), "ses"),
            "Worker ses:SendEmail ses:to/*@example.org aws",
        ),
        (record("Unreadable", (), "valve"), "Worker unreadable - aws"),
        (record(function="<<<<<<<"), "%3C%3C%3C%3C%3C%3C%3C s3:PutObject Uploads aws"),
        (
            record("SendMessage", (QUEUE,), "sqs", reasons=(Reason(Rule.CREDENTIAL, "not issued"),)),
            "Worker sqs:SendMessage Jobs aws+foreign-key",
        ),
    ],
)
def test_a_use_is_one_line(made: Record, text: str) -> None:
    assert line(made) == text


def test_of_a_copy_neither_place_is_said_to_have_the_key() -> None:
    """A record has one key, and does not say whose."""
    copied = record("CopyObject", (BUCKET, "arn:aws:s3:::loot"), parameters={"key": "orders/ORD-17.json"})
    assert {use.resource for use in uses([copied], NAMES)} == {"Uploads/*", "arn:aws:s3:::loot/*"}


def test_what_belongs_to_a_resource_goes_by_its_name() -> None:
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
    names = Names({table: "Orders"}, ACCOUNT, REGION)
    stream = f"{table}/stream/2026-11-29T00:00:00.000"
    assert line(record("GetRecords", (stream,), "dynamodbstreams"), names).split()[2] == "Orders/stream/*"


def test_what_a_function_is_given_and_what_the_operator_does_are_no_uses() -> None:
    given = [record(operation, (), "valve") for operation in ("Admit", "Result", "Log", "Outcome")]
    assert not uses([*given, record(environment=""), record(verdict="settled")], NAMES)


def test_a_refused_call_is_a_use_for_it_was_attempted() -> None:
    assert uses([record(verdict="refuse", mode=Mode.ENFORCE)], NAMES)


def test_a_hand_widened_line_covers_and_is_kept() -> None:
    wide = read("version 1\n# whatever it renders\nWorker s3:PutObject Uploads/* aws\n", "valve.lock")
    used = uses([record(parameters={"key": f"{folder}/1.txt"}) for folder in ("a", "b")], NAMES)
    assert compare(used, wide) == lockfile.Difference()
    assert "# whatever it renders\nWorker s3:PutObject Uploads/* aws" in written(
        renewed(wide, used, keep=False)
    )


@pytest.mark.parametrize(
    "owner", ["arn:aws:s3:::loot-{}", "https://{}.test/x", "tcp://{}.test:22", "{}", "{}:{}"]
)
def test_no_line_that_is_written_stands_for_another_owner(owner: str) -> None:
    own, other = (
        uses([record("PutObject" if "s3" in owner else "Visit", (owner.format(name, name),), service)], NAMES)
        for name in ("0123456789ab", "d111111abcdef8")
        for service in ["s3" if "s3" in owner else "valve"]
    )
    assert compare(other, renewed(LOOSE, own)).new == tuple(other)


def test_a_line_covers_no_other_account_function_or_operation() -> None:
    own = uses([record("SendMessage", (f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs",), "sqs")], NAMES)
    lock = renewed(LOOSE, own)
    other = uses([record("SendMessage", (f"arn:aws:sqs:{REGION}:999988887777:jobs",), "sqs")], NAMES)
    assert compare(other, lock).new == tuple(other)
    star = read("version 1\nWorker s3:PutObject * *\n", "valve.lock")
    assert not compare(uses([record()], NAMES), star).new
    assert compare(uses([record("GetObject")], NAMES), star).new
    assert compare(uses([record(function="Other")], NAMES), star).new


@given(st.text("*{}ab.:/%", min_size=1, max_size=20))
def test_no_name_makes_itself_a_pattern(name: str) -> None:
    made = [
        record(function=name),
        record(resources=(f"arn:aws:s3:::{name}",)),
        record("Visit", (f"https://{name}",), "valve"),
    ]
    for use in uses(made, NAMES):
        assert not set("*{}") & set(use.function + use.host)
        assert "{" not in use.resource
        if use.resource.startswith("arn:"):
            assert "*" not in use.resource, "a bucket's name says whose it is"


def test_update_keeps_what_did_not_run_and_rewrite_does_not() -> None:
    lock = renewed(LOOSE, uses([record(), record(function="Other")], NAMES))
    used = uses([record("GetObject")], NAMES)
    assert {e.use.function for e in renewed(lock, used).entries} == {"Worker", "Other"}
    assert [str(e.use) for e in renewed(lock, used, keep=False).entries] == [
        "Worker s3:GetObject Uploads aws"
    ]
    assert [entry.use.function for entry in compare(used, lock).gone] == ["Other", "Worker"]


def test_what_is_new_is_told_with_its_line_of_source() -> None:
    bare = record("Visit", ("https://new.test/x",), "valve")
    seen = uses([bare, replace(bare, ident="r-2", evidence=Evidence("src/a.py", 7, "post(\x1b[2J)"))], NAMES)
    gone = read("version 1\nOld s3:GetObject Uploads aws", "valve.lock")
    text = told(compare(seen, gone), seen, "valve.lock", "yes: `valve lock update`")
    assert text.splitlines() == [
        "valve.lock: 1 use is new, 1 gone",
        "  + Worker visit /x https://new.test",
        "      called src/a.py:7  post(\\x1b[2J)    r-2",
        "  - Old s3:GetObject Uploads aws    valve.lock:2:1",
        "  is it meant? yes: `valve lock update`",
    ]
    assert told(compare((), LOOSE), {}, "valve.lock", "") == ""


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("", "1:1", "version 1"),
        ("version 2\n", "1:1", "another version"),
        ("version 1\nA s3:PutObject B\n", "2:17", "3 words"),
        ("version 1\nA s3:PutObject B aws more\n", "2:22", "5 words"),
        ("version 1\n\nA put B aws\n", "3:3", "no operation"),
        ("version 1\n* s3:PutObject B aws\n", "2:1", "many functions"),
        ("version 1\nA s3:PutObject Bär aws\n", "2:16", "%XX"),
        ("version 1\n<<<<<<< HEAD\n", "2:1", "merge"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: str, word: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(text, "valve.lock")
    assert str(caught.value).startswith(f"valve.lock:{place}: ")
    assert word in str(caught.value)


@given(st.text(max_size=200) | st.text(" \n#:*avsrion1/", max_size=80).map("version 1\n".__add__))
def test_no_text_makes_the_reader_fail_in_another_way(text: str) -> None:
    try:
        lock = read(text, "valve.lock")
    except Invalid:
        return
    assert read(written(lock), "valve.lock").entries or not lock.entries


def test_a_file_is_replaced_whole_and_only_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "valve.lock"
    assert lockfile.load(path) is None
    lock = renewed(LOOSE, uses([record()], NAMES))
    assert lockfile.save(path, lock)
    path.chmod(0o600)
    stood = path.stat()
    assert not lockfile.save(path, lock)
    assert path.stat().st_ino == stood.st_ino
    link = tmp_path / "link.lock"
    link.symlink_to(path)
    assert lockfile.save(link, LOOSE)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_ino != stood.st_ino
    assert {entry.name for entry in tmp_path.iterdir()} == {"valve.lock", "link.lock"}
    with pytest.raises(Invalid, match="cannot be written"):
        lockfile.save(tmp_path / "none" / "valve.lock", lock)
    (tmp_path / "valve.lock").write_bytes(b"\xff")
    with pytest.raises(Invalid, match="UTF-8"):
        lockfile.load(path)
