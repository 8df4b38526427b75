"""The attack suite's cloud half on a real LocalStack: what leaks there, is refused and passes as on moto.

Knows the claims of `tests/attacks`, which are held on moto there, and where LocalStack is another cloud. Does
not know any attack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.attacks.claims import Claims
from tests.localstack.conftest import LocalStack
from tests.localstack.watched import Watched
from valve_aws.attack import places
from valve_aws.attack.attack import Attack
from valve_aws.attack.loot import unpacked
from valve_aws.attack.stage import Stage
from valve_aws.attack.table import ATTACKS
from valve_aws.model.verdict import Mode

CLAIMS = {
    "off": Claims.test_with_the_guard_off_it_arrives,
    "enforced": Claims.test_enforced_it_is_refused_for_its_reason_and_nothing_arrives,
    "twin": Claims.test_the_honest_twin_passes,
}
"""What depends on the cloud. In audit and without a rule the judgement is another, and the cloud the same."""

CLOUD = sorted(a for a, row in ATTACKS.items() if not all(e.call.startswith("valve:") for e in row.exits))
"""The attacks that go out by the cloud, and not only by another host, a log or a result."""

NUMBERS = "the moto that LocalStack carries finds an item under one spelling of its number alone"
DIFFERENT: Mapping[tuple[str, str], str] = {
    ("a07", "by_bucket"): "LocalStack lets in only whom it knows by an id, and a marker is none",
    **{("a27", part): NUMBERS for part in ("by_number", "by_exponent", "by_sign")},
}
"""(attack, part) → why it comes to nothing there, guarded or not. A line that is not needed fails."""


class Row(Claims):
    """An attack without the parts that come to nothing, by one way.

    Why one: by whichever a call goes, what reaches the cloud the valve has written.
    """

    def __init__(self, attack: str) -> None:
        row = ATTACKS[attack]
        exits = tuple(e for e in row.exits if (attack, e.part) not in DIFFERENT)
        self._row = replace(row, exits=exits, ways=row.ways[:1])

    @property
    def row(self) -> Attack:
        """The row."""
        return self._row


def public(cloud: places.Cloud, name: str) -> Iterator[str]:
    """Yield the objects of a bucket that its settings show to anybody; then it is emptied and closed.

    Why not as on moto: LocalStack hands any object to anybody, and enforces neither policy nor ACL.
    """
    s3 = cloud.client("s3")
    try:
        policy = s3.get_bucket_policy(Bucket=name)["Policy"]
    except s3.exceptions.ClientError:
        policy = "{}"
    everybody = any(s["Principal"] in ("*", {"AWS": "*"}) for s in json.loads(policy).get("Statement", ()))
    for entry in s3.list_objects_v2(Bucket=name).get("Contents", ()):
        acl = s3.get_object_acl(Bucket=name, Key=entry["Key"])
        if everybody or "AllUsers" in json.dumps(acl["Grants"]):
            yield f"{entry['Key']}\n{unpacked(s3.get_object(Bucket=name, Key=entry['Key'])['Body'].read())}"
        s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket_policy(Bucket=name)


@pytest.fixture(scope="module")
def stage(empty: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """As that of `tests/attacks`, its cloud a LocalStack."""
    made = Stage(tmp_path_factory.mktemp("stage"), start=partial(Watched.start, empty.url))
    made.start()
    s3: Any = made.cloud.client("s3")
    for bucket in ("attackers-files", "kept-copies"):  # Why: as on AWS, only such a bucket takes replicas
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(places.READERS, "public", public)
        yield made
    made.close()


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("attack", CLOUD)
def test_an_attack_comes_to_the_same(attack: str, claim: str, stage: Stage) -> None:
    CLAIMS[claim](Row(attack), stage)


@pytest.mark.parametrize(("attack", "part"), DIFFERENT)
def test_what_comes_to_nothing_there_does_so_with_the_guard_off(attack: str, part: str, stage: Stage) -> None:
    for outcome in stage.run(ATTACKS[attack], part, Mode.OFF):
        exits = ATTACKS[attack].by(part)
        assert not [e for e in exits if stage.found(e.loot, outcome.trial)], DIFFERENT[attack, part]
