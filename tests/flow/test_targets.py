"""Which line of a policy names a place.

Knows URLs and ARNs as they are asked for. Does not know what is allowed there.
"""

from __future__ import annotations

import pytest

from valve_aws.flow.targets import Nearest, compile_targets, match


@pytest.mark.parametrize(
    ("pattern", "text", "fields"),
    [
        ("https://api.stripe.com/*", "https://api.stripe.com/v1/charges", {}),
        ("https://api.stripe.com/*", "https://api.stripe.com:8443/v1", None),
        ("https://api.stripe.com/*", "http://api.stripe.com/v1", None),
        ("https://api.stripe.com/*", "https://api.stripe.com.evil.example/", None),
        ("https://*.example.org/*", "https://a.b.example.org/x", {}),
        ("https://*.example.org/*", "https://evil.example/.example.org/x", None),
        ("https://*.example.org/x", "https://evil.example?.example.org/x", None),
        ("https://{tenant}.example.org/*", "https://a.example.org/", {"tenant": "a"}),
        ("https://{t}.example.org/{t}/*", "https://a.example.org/b/", None),
        ("https://api.example/pay", "https://api.example/pay", {}),
        ("https://api.example/pay/*", "https://api.example/pay/../admin", None),
        ("https://api.example/pay/*", "https://api.example/pay/%2e%2E/admin", None),
        ("https://api.example/pay/*", "https://api.example/pay/..;/admin", None),
        ("https://api.example/pay/*", "https://api.example/pay/a%2f..%2fadmin", None),
        ("https://api.example/pay/*", "https://api.example/pay//admin", None),
        ("https://api.example/pay/*", "https://api.example/pay/..%5cadmin", None),
        ("https://api.example/*", "https://api.example/a//b", {}),
        ("ses:to/{email}", "ses:to/alice@example.org", {"email": "alice@example.org"}),
        ("ses:to/{email}", "ses:to/a/b@example.org", None),
        ("tcp://db.internal:5432", "tcp://db.internal:5432", {}),
        ("tcp://db.internal:5432", "tcp://db.internal:5433", None),
        ("arn:aws:s3:::partner-*", "arn:aws:s3:::partner-x", {}),
        ("https://a.example/*", "ses:to/x", None),
    ],
)
def test_a_pattern_names_no_more_than_it_says(pattern: str, text: str, fields: dict[str, str] | None) -> None:
    assert match(pattern, text) == fields


def test_the_longest_literal_beginning_is_the_nearest() -> None:
    nearest = Nearest(
        [
            "https://api.example/*",
            "https://api.example/pay/*",
            "https://*.example/*",
            "https://api.example/pay/now",
        ]
    )
    assert nearest.find("https://api.example/pay/now") == ("https://api.example/pay/now", {})
    assert nearest.find("https://api.example/pay/x") == ("https://api.example/pay/*", {})
    assert nearest.find("https://api.example/x") == ("https://api.example/*", {})
    assert nearest.find("https://b.example/x") == ("https://*.example/*", {})
    assert nearest.find("https://evil/x") is None


def test_where_a_host_has_two_lines_an_unsettled_path_belongs_to_neither() -> None:
    alone, crowded = (
        Nearest(["https://h.example/*"]),
        Nearest(["https://h.example/*", "https://h.example/open/*"]),
    )
    assert alone.find("https://h.example/x/../open/y")
    assert crowded.find("https://h.example/x/../open/y") is None


def test_a_list_of_targets_covers_what_it_names() -> None:
    targets = compile_targets(["arn:aws:s3:::a", "https://h.example/*"])
    assert targets.covers("arn:aws:s3:::a")
    assert targets.covers("https://h.example/x")
    assert not targets.covers("arn:aws:s3:::ab")
    assert not compile_targets(()).covers("arn:aws:s3:::a")
