"""Where `--backend` leads, by what users of LocalStack have in their environment."""

from __future__ import annotations

import pytest

from valve_aws.backend import endpoint
from valve_aws.model.source import Invalid

DEFAULT = ("localstack", "http://127.0.0.1:4566", "000000000000")


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ({}, DEFAULT),
        ({"LOCALSTACK_HOST": "localhost"}, ("localstack", "http://localhost:4566", "000000000000")),
        ({"LOCALSTACK_HOST": "cloud.test:4571"}, ("localstack", "http://cloud.test:4571", "000000000000")),
        ({"LOCALSTACK_HOST": "[::1]"}, ("localstack", "http://[::1]:4566", "000000000000")),
        ({"LOCALSTACK_HOST": "[::1]:99"}, ("localstack", "http://[::1]:99", "000000000000")),
        ({"LOCALSTACK_HOST": " "}, DEFAULT),
        ({"EDGE_PORT": "4571"}, ("localstack", "http://127.0.0.1:4571", "000000000000")),
        (
            {"LOCALSTACK_HOSTNAME": "cloud.test", "EDGE_PORT": "80"},
            ("localstack", "http://cloud.test:80", "000000000000"),
        ),
        ({"USE_SSL": "true"}, ("localstack", "https://127.0.0.1:4566", "000000000000")),
        ({"USE_SSL": "0"}, DEFAULT),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:99", "LOCALSTACK_HOST": "other:1", "USE_SSL": "1"},
            ("localstack", "http://127.0.0.1:99", "000000000000"),
        ),
        ({"AWS_ACCESS_KEY_ID": "111122223333"}, ("localstack", "http://127.0.0.1:4566", "111122223333")),
        ({"AWS_ACCESS_KEY_ID": "LKIARZPUZDIKGB2VALC4"}, ("localstack", DEFAULT[1], "123456789012")),
        ({"AWS_ACCESS_KEY_ID": "AKIARZPUZDIKGB2VALC4"}, DEFAULT),
        ({"AWS_ACCESS_KEY_ID": "LKIA77777777777777777"}, DEFAULT),
        ({"AWS_ACCESS_KEY_ID": "test"}, DEFAULT),
    ],
)
def test_localstack_is_where_its_users_variables_say(
    place: dict[str, str], found: tuple[str, str, str]
) -> None:
    there = endpoint("localstack", "", place)
    assert (there.kind, there.url, there.account) == found
    # LocalStack takes a key of twelve digits for the account, so what is signed with it is in that account.
    assert there.credential.access_key == there.account


@pytest.mark.parametrize(
    ("url", "kind", "at"),
    [
        ("http://127.0.0.1:4566", "localstack", "http://127.0.0.1:4566"),
        ("http://localhost.localstack.cloud:4566", "localstack", "http://127.0.0.1:4566"),
        ("http://localhost.localstack.cloud:99", "localstack", "http://127.0.0.1:99"),
        ("https://s3.localhost.localstack.cloud", "localstack", "https://s3.localhost.localstack.cloud:443"),
        ("http://notlocalhost.localstack.cloud:99", "url", "http://notlocalhost.localstack.cloud:99"),
        ("http://127.0.0.1:5000", "url", "http://127.0.0.1:5000"),
    ],
)
def test_a_url_of_localstacks_port_or_name_is_localstack(url: str, kind: str, at: str) -> None:
    there = endpoint(url, "", {"AWS_ENDPOINT_URL": "http://not.asked:1"})
    assert (there.kind, there.url) == (kind, at)
    assert there.account == {"localstack": "000000000000", "url": "123456789012"}[kind]


def test_the_account_that_is_told_comes_before_that_of_the_key() -> None:
    there = endpoint("localstack", "444455556666", {"AWS_ACCESS_KEY_ID": "111122223333"})
    assert (there.account, there.credential.access_key) == ("444455556666", "444455556666")
    assert there.generation != endpoint("localstack").generation


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"AWS_ENDPOINT_URL": "https://s3.amazonaws.com"}, "AWS_ENDPOINT_URL: .* is AWS itself"),
        ({"AWS_ENDPOINT_URL": "localhost:4566"}, "AWS_ENDPOINT_URL: `localhost:4566` is no backend"),
        ({"LOCALSTACK_HOST": "localhost:many"}, "LOCALSTACK_HOST: `.*:many` has no usable port"),
        ({"LOCALSTACK_HOST": "me@cloud.test"}, "LOCALSTACK_HOST: .* is no backend"),
    ],
)
def test_a_variable_that_leads_nowhere_is_a_mistake_of_that_variable(
    place: dict[str, str], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        endpoint("localstack", "", place)
