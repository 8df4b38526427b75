"""What of a store has been opened or redirected, as an outsider finds it; it is closed again once seen.

Knows the settings of buckets and queues. Does not know who changed them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol

from valve_aws.attack.loot import unpacked
from valve_aws.attack.upstream import anonymous


class Owner(Protocol):
    """Whoever may read and reset the settings."""

    url: str

    def client(self, service: str) -> Any:
        """Return his client."""


def public(cloud: Owner, name: str) -> Iterator[str]:
    """Yield the objects of a bucket that anybody can read; then it is emptied and closed."""
    s3 = cloud.client("s3")
    for entry in s3.list_objects_v2(Bucket=name).get("Contents", ()):
        content = anonymous(cloud.url, name, entry["Key"])
        if content is not None:
            yield f"{entry['Key']}\n{unpacked(content)}"
        s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket_policy(Bucket=name)


SETTINGS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("get_bucket_replication", "delete_bucket_replication", {}),
    ("get_bucket_website", "delete_bucket_website", {}),
    ("get_bucket_lifecycle_configuration", "delete_bucket_lifecycle", {}),
    ("get_bucket_logging", "put_bucket_logging", {"BucketLoggingStatus": {}}),
    (
        "get_bucket_notification_configuration",
        "put_bucket_notification_configuration",
        {"NotificationConfiguration": {}},
    ),
    ("get_bucket_acl", "put_bucket_acl", {"ACL": "private"}),
)
"""How a setting of a bucket is read, and how it is reset."""


def settings(cloud: Owner, name: str) -> Iterator[str]:
    """Yield all settings of a bucket that could send something elsewhere; then they are reset."""
    s3 = cloud.client("s3")
    for read, reset, how in SETTINGS:
        try:
            told = getattr(s3, read)(Bucket=name)
        except s3.exceptions.ClientError:
            continue  # Why: that is how a service says that there is none
        yield json.dumps({k: v for k, v in told.items() if k != "ResponseMetadata"}, default=repr)
        getattr(s3, reset)(Bucket=name, **how)


def policy(cloud: Owner, name: str) -> Iterator[str]:
    """Yield a queue's policy; then it is taken away."""
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
    if told:
        yield told["Policy"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
