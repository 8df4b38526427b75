"""Law 17: the function never holds a credential that works outside, nor anything signed with one.

Knows placeholder keys and what leaves with them. Does not know the services' own checks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from tests.playbook.exchanges import OWN, Heard, carried, head_for, request_of, sdk
from tests.playbook.play import Stage
from valve_aws.aws import issue
from valve_aws.model.call import Head, Key
from valve_aws.model.verdict import Mode

OTHER = issue(os.urandom)
REAL = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "")


def got(key: Key) -> tuple[Head, bytes]:
    return request_of(sdk("s3", key), "GetObject", Bucket="keep", Key="k")


def rules(stage: Stage) -> list[str]:
    return [
        str(r.rule) for record in stage.sink.records if record.verdict == "refuse" for r in record.reasons
    ]


def test_its_own_key_passes_and_what_leaves_is_signed_anew() -> None:
    heard = Heard()
    stage = heard.stage()
    carried(stage, stage.subject(), *got(OWN))
    assert rules(stage) == []
    ((_, path, headers),) = set_free(heard)
    assert OWN.access_key not in path + repr(headers)
    assert OWN.token not in repr(headers)
    assert OWN.secret_key not in repr(headers)


@pytest.mark.parametrize(
    ("key", "why"), [(OTHER, "another environment's"), (REAL, "a real one")], ids=["other", "real"]
)
def test_any_other_key_is_foreign(key: Key, why: str) -> None:
    heard = Heard()
    stage = heard.stage()
    assert carried(stage, stage.subject(), *got(key))[0] == 403, why
    assert rules(stage) == ["foreign-credential"]
    assert heard.requests == []


FORGED = {
    "another secret": Key(OWN.access_key, OTHER.secret_key, OWN.token),
    "another token": Key(OWN.access_key, OWN.secret_key, OTHER.token),
}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_its_own_key_with_something_else_is_refused_in_every_mode(forged: Key, mode: Mode) -> None:
    heard = Heard()
    stage = heard.stage(mode)
    assert carried(stage, stage.subject(), *got(forged))[0] == 403
    assert rules(stage) == ["unreadable"]
    assert heard.requests == []


def presigned(key: Key) -> str:
    made: str = sdk("s3", key).generate_presigned_url("get_object", Params={"Bucket": "keep", "Key": "k"})
    return made


def test_a_url_presigned_inside_is_signed_with_a_key_that_is_worthless_outside() -> None:
    url = presigned(OWN)
    assert "ASIAVALVE" in url
    assert OWN.secret_key not in url


def test_used_inside_it_is_the_call_that_it_stands_for_and_is_signed_anew() -> None:
    heard = Heard()
    stage = heard.stage()
    carried(stage, stage.subject(), head_for("GET", presigned(OWN)), b"")
    assert rules(stage) == []
    assert stage.sink.records[0].operation == "GetObject"
    ((_, path, headers),) = set_free(heard)
    for word in ("ASIAVALVE", "X-Amz-Signature", "AWSAccessKeyId", OWN.token):
        assert word not in path
        assert word not in repr(headers)


@pytest.mark.parametrize("key", [OTHER, REAL], ids=["other", "real"])
def test_one_that_was_presigned_elsewhere_is_foreign(key: Key) -> None:
    heard = Heard()
    stage = heard.stage()
    assert carried(stage, stage.subject(), head_for("GET", presigned(key)), b"")[0] == 403
    assert rules(stage) == ["foreign-credential"]
    assert heard.requests == []


def test_no_two_environments_are_issued_the_same() -> None:
    made = [issue(os.urandom) for _ in range(100)]
    assert len({key.access_key for key in made}) == len({key.secret_key for key in made}) == 100


def set_free(heard: Heard) -> list[tuple[str, str, Mapping[str, str]]]:
    """What was sent upstream; the tries after the first are the same request."""
    return [heard.requests[0]]
