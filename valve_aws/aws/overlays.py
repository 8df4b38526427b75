"""What botocore's models do not say, kept by hand as tables: the query protocol that SQS spoke until 2023,
and operations that no client can reach on the wire that we read. Does not know how any of it is read. """

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DROPPED: Mapping[str, frozenset[str]] = {
    "s3": frozenset({
        # Why: answers on a host of its own inside S3 Object Lambda, which is not served here.
        "WriteGetObjectResponse",
        # Why: the first names of what is now called …Configuration; on the wire the two are one.
        "GetBucketLifecycle", "PutBucketLifecycle", "GetBucketNotification", "PutBucketNotification",
    }),
}

RENAMED: Mapping[str, str] = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
}
"""First names of S3's operations by which SDKs still know them. Why not those of `Put…`: what they take has
other members."""

QUERY_SHAPES: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    # Source: the SQS API Reference up to 2023 ("AWS query protocol"), and what boto3 1.9.253 sends.
    "sqs": {
        "AddPermissionRequest": {
            "AWSAccountIds": {"locationName": "AWSAccountId"},
            "Actions": {"locationName": "ActionName"},
        },
        "AWSAccountIdList": {"member": {"locationName": "AWSAccountId"}},
        "ActionNameList": {"member": {"locationName": "ActionName"}},
        "AttributeNameList": {"member": {"locationName": "AttributeName"}},
        "MessageSystemAttributeList": {"member": {"locationName": "MessageSystemAttributeName"}},
        "MessageAttributeNameList": {"member": {"locationName": "MessageAttributeName"}},
        "TagKeyList": {"member": {"locationName": "TagKey"}},
        "SendMessageBatchRequestEntryList": {"member": {"locationName": "SendMessageBatchRequestEntry"}},
        "DeleteMessageBatchRequestEntryList": {"member": {"locationName": "DeleteMessageBatchRequestEntry"}},
        "ChangeMessageVisibilityBatchRequestEntryList": {
            "member": {"locationName": "ChangeMessageVisibilityBatchRequestEntry"}
        },
        "StringList": {"member": {"locationName": "StringListValue"}},
        "BinaryList": {"member": {"locationName": "BinaryListValue"}},
        "QueueAttributeMap": {"key": {"locationName": "Name"}, "value": {"locationName": "Value"}},
        "TagMap": {"key": {"locationName": "Key"}, "value": {"locationName": "Value"}},
        "MessageBodyAttributeMap": {"key": {"locationName": "Name"}, "value": {"locationName": "Value"}},
        "MessageBodySystemAttributeMap": {
            "key": {"locationName": "Name"},
            "value": {"locationName": "Value"},
        },
        "CreateQueueRequest": {"Attributes": {"locationName": "Attribute"}, "tags": {"locationName": "Tag"}},
        "SetQueueAttributesRequest": {"Attributes": {"locationName": "Attribute"}},
        "TagQueueRequest": {"Tags": {"locationName": "Tag"}},
        "SendMessageRequest": {
            "MessageAttributes": {"locationName": "MessageAttribute"},
            "MessageSystemAttributes": {"locationName": "MessageSystemAttribute"},
        },
        "SendMessageBatchRequestEntry": {
            "MessageAttributes": {"locationName": "MessageAttribute"},
            "MessageSystemAttributes": {"locationName": "MessageSystemAttribute"},
        },
    },
}
