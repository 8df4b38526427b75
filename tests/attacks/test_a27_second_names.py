"""A27: Own stores called by other names.

Knows the row, and the names that are refused because nobody here can tell what they mean. Does not know how.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.attacks.claims import Claims
from valve_aws.attack.stage import Stage
from valve_aws.model.verdict import Mode, Rule


class TestSecondNames(Claims):
    attack = "a27"

    @pytest.mark.parametrize("way", ["signed", "sdk"])
    def test_every_spelling_is_refused_and_none_with_the_guard_off(self, stage: Stage, way: str) -> None:
        told = {}
        for mode in (Mode.OFF, Mode.ENFORCE):
            outcomes = stage.run(self.row, "attack", mode, (way,))
            outcome = next(o for o in outcomes if o.trial.part == "attack")
            told[mode] = [status for _, status in outcome.told["statuses"][1:]]
        assert set(told[Mode.OFF]) == {200}, told
        assert len(told[Mode.OFF]) == len(told[Mode.ENFORCE])
        assert all(status in {0, 400, 403} for status in told[Mode.ENFORCE]), told

    def test_what_may_be_a_second_name_is_refused_and_not_sent(self, stage: Stage) -> None:
        """Why no leak first: the embedded cloud has none of these, so nothing arrives with the guard off."""
        (outcome,) = stage.run(self.row, "by_strange_name", Mode.ENFORCE, ("sdk",))
        tried = outcome.told["statuses"][1:]
        assert {status for _, status in tried} == {403}, tried
        assert {reason.rule for r in outcome.refusals for reason in r.reasons} == {Rule.UNREADABLE}
        assert not stage.leaks(outcome.trial)


def test_an_upload_belongs_to_the_key_it_was_begun_for(stage: Stage) -> None:
    """Or a part sent under a key that takes it would end up in the object of another that does not."""
    s3: Any = stage.cloud.client("s3")
    begun = s3.create_multipart_upload(Bucket="open-files", Key="begun-here")["UploadId"]
    asked = {"Bucket": "open-files", "UploadId": begun}
    for refused in (
        lambda: s3.upload_part(Key="sent-there", PartNumber=1, Body=b"text", **asked),
        lambda: s3.list_parts(Key="sent-there", **asked),
        lambda: s3.complete_multipart_upload(
            Key="sent-there", MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "none"}]}, **asked
        ),
        lambda: s3.abort_multipart_upload(Key="sent-there", **asked),
    ):
        with pytest.raises(ClientError, match="NoSuchUpload"):
            refused()
    part = s3.upload_part(Key="begun-here", PartNumber=1, Body=b"text", **asked)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Key="begun-here", MultipartUpload=parts, **asked)
    assert s3.get_object(Bucket="open-files", Key="begun-here")["Body"].read() == b"text"
