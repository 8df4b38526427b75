"""YAML as CloudFormation takes it, with positions, within bounds, and never more than values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.model.source import Invalid, Node, Where
from valve_aws.text import parse


def read(text: str | bytes) -> Node:
    return parse(text, "t.yaml")


def refusal(text: str | bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read(text)
    return caught.value


def test_every_value_and_key_knows_its_place() -> None:
    node = read("A:\n  - x\n  - B: 1\n")
    assert node.where == Where("t.yaml", 1, 1)
    assert node.keys["A"] == Where("t.yaml", 1, 1)
    second = node.value["A"].value[1]
    assert second.keys["B"] == Where("t.yaml", 3, 5)
    assert second.value["B"].where == Where("t.yaml", 3, 8)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2012-10-17", "2012-10-17"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("012345678901", "012345678901"),
        ("0123", "0123"),
        ("123456789012", 123456789012),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("nO", "nO"),
        ("~", None),
        ("", None),
        ("'yes'", "yes"),
        ('"12"', "12"),
        ("! 12", "12"),
        ("=", "="),
        (".inf", ".inf"),
        ("9" * 5000, "9" * 5000),
        ("!!str 12", "12"),
        ("!!binary aGk=", b"hi"),
    ],
)
def test_a_scalar_means_what_cloudformation_takes_it_for(written: str, meant: object) -> None:
    value = read(f"v: {written}\n").value["v"].value
    assert value == meant
    assert type(value) is type(meant)


def test_keys_stay_the_text_they_are_written_as() -> None:
    assert list(read("200: a\non: b\n~: c\n2012-10-17: d\n").value) == ["200", "on", "~", "2012-10-17"]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("!Ref A", {"Ref": "A"}),
        ("!Condition C", {"Condition": "C"}),
        ("!Sub '${A}-x'", {"Fn::Sub": "${A}-x"}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!GetAtt [A, B]", {"Fn::GetAtt": ["A", "B"]}),
        ("!Join ['', [a, !Ref B]]", {"Fn::Join": ["", ["a", {"Ref": "B"}]]}),
        ("!Transform {Name: N}", {"Fn::Transform": {"Name": "N"}}),
    ],
)
def test_a_short_form_is_kept_as_a_tag_and_its_long_form_is_plain(written: str, plain: object) -> None:
    assert read(f"v: {written}").plain() == {"v": plain}


def test_an_anchor_is_followed_and_merged_with_the_mapping_s_own_keys_first() -> None:
    node = read("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nlist: {<<: [{y: 9}, *b]}\n")
    assert node.plain()["use"] == {"y": 3, "x": 1}
    assert node.plain()["list"] == {"y": 9, "x": 1}


def test_a_key_written_twice_is_refused_with_both_places() -> None:
    message = str(refusal("a:\n  k: 1\n  j: 2\n  k: 3\n"))
    assert message.startswith("t.yaml:4:3: `k` is written twice, first at t.yaml:2:3")


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system",
        "!!python/name:os.system",
        "!<tag:x,1:y>",
        "!!set",
        "!a/b",
    ],
)
def test_a_tag_that_names_an_object_is_refused(tag: str) -> None:
    assert "tag" in refusal(f"v: {tag} [echo]").problem
    assert "tag" in refusal(f"v: {tag} echo").problem


def test_a_billion_laughs_are_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    assert "aliases" in refusal("\n".join(lines)).problem


def test_a_billion_laughs_through_merge_keys_are_refused() -> None:
    lines = ["a0: &a0 {x: [1, 2, 3, 4, 5, 6, 7, 8, 9]}"]
    lines += [f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}, <<: *a{n - 1}}}" for n in range(1, 60)]
    assert "aliases" in refusal("\n".join(lines)).problem


def test_depth_counts_what_an_alias_brings_along() -> None:
    lines = [
        start + "[" * 40 + alias + "]" * 40
        for start, alias in (("a0: &a0 ", ""), ("a1: &a1 ", "*a0"), ("a2: ", "*a1"))
    ]
    assert "deeper" in refusal("\n".join(lines)).problem
    assert read("\n".join(lines[:2])).value.keys() == {"a0", "a1"}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "\n".join(" " * n + "a:" for n in range(900)),
    ],
)
def test_endless_nesting_is_refused(text: str) -> None:
    assert refusal(text).where.line >= 1


def test_a_value_cannot_hold_itself() -> None:
    assert "within what it names" in refusal("a: &a [*a]").problem
    assert "within itself" in refusal("a: &a [&a x]").problem
    assert "names no anchor" in refusal("a: *b").problem


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (b"a: b\nc: \xff\n", "2:4", "not UTF-8"),
        ("a: b\nc: d".encode("utf-16"), "1:1", "UTF-16"),
        ("a: b".encode("utf-32"), "1:1", "UTF-32"),
        ("a: x\n\x00", "2:1", "U+0000"),
        ("a: \x1b[31m", "1:4", "U+001B"),
        ("a: \ud800", "1:4", "surrogate"),
        ("a: b\nc: [1, 2\nd: e", "3:2", "not YAML"),
        ("a: 'x", "1:6", "not YAML"),
        ("\ta: b", "1:1", "not YAML"),
        ("a: b\n--- \nc: d", "2:1", "second document"),
        ("a: b\n... \n? [x]\n: y", "3:1", "not YAML"),
        ("[a]: b", "1:1", "a key must be plain text"),
        ("!Ref a: b", "1:1", "a key must be plain text"),
        ("!!int x", "1:1", "`!!int`"),
        ("!!binary '*'", "1:1", "`!!binary`"),
        ("a: {<<: 3}", "1:5", "`<<`"),
        ("%YAML 3.0\n--- a", "1:1", "not YAML"),
        ("a: \x80", "1:4", "cannot be read"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str | bytes, place: str, words: str) -> None:
    message = str(refusal(text))
    assert message.startswith(f"t.yaml:{place}: ")
    assert words in message
    assert not message.endswith(".")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbfa: b").plain() == {"a": "b"}


def test_nothing_at_all_is_none() -> None:
    assert read("").value is None
    assert read("# only a remark\n").value is None


def test_a_text_that_is_too_long_is_refused() -> None:
    assert "longer" in refusal("a: " + "x" * (2 << 20)).problem


def settled(content: str | bytes) -> str:
    try:
        parse(content, "t.yaml").plain()
    except Invalid as e:
        return e.where.file
    return "t.yaml"


@given(st.text(st.sampled_from("ab:-?[]{}&*!|>'\"%@`,# \n\t\\<~01.é\x00"), max_size=60))
def test_any_text_gives_a_node_or_a_refusal(text: str) -> None:
    assert settled(text) == "t.yaml"


@given(st.binary(max_size=40))
def test_any_bytes_give_a_node_or_a_refusal(content: bytes) -> None:
    assert settled(content) == "t.yaml"


def test_with_last_a_key_written_twice_has_its_last_value_and_says_so() -> None:
    node = parse("a:\n  k: 1\n  j: 2\n  k: 3\n", "t.yaml", last=True).value["a"]
    assert node.plain() == {"k": 3, "j": 2}
    assert node.repeated == (("k", Where("t.yaml", 2, 3), Where("t.yaml", 4, 3)),)
