"""Log lines out of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from valve_aws.environments.lines import Lines

TEXT = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))


@given(TEXT, st.integers(8, 64), st.data())
def test_no_character_is_lost_or_torn_however_bytes_come(
    text: str, longest: int, data: st.DataObject
) -> None:
    lines, rest, found = Lines(longest), text.encode(), []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += lines.feed(rest[:size])
        rest = rest[size:]
    found += lines.flush()
    assert "".join(found) == text
    assert all(len(line.encode()) <= longest for line in found)


@given(st.lists(TEXT))
def test_each_line_end_ends_a_line(texts: list[str]) -> None:
    lines = Lines()
    assert lines.feed("".join(f"{text}\n" for text in texts).encode()) == texts
    assert lines.flush() == []


def test_what_is_no_text_is_shown_as_such() -> None:
    assert Lines().feed(b"\xff\xfeabc\n") == ["��abc"]


def test_a_stream_without_line_ends_is_not_kept() -> None:
    lines = Lines(16)
    for _ in range(1000):
        lines.feed(b"x" * 16)
    assert len(lines.flush()[0]) <= 16
