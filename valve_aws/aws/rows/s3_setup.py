"""Effect rows of a bucket's own settings, by class.

Knows which setting each operation shows or changes. Does not know objects.
"""

from __future__ import annotations

from valve_aws.aws.rows.row import Row


def _shows(operation: str, action: str, why: str = "shows a setting of the bucket") -> Row:
    return Row(operation, why, reveals="config", actions=f"s3:{action}@bucket", leaves="id=Id")


HANDING = frozenset("""
    PutBucketReplication PutBucketNotification PutBucketNotificationConfiguration PutBucketLogging
    PutBucketInventoryConfiguration PutBucketAnalyticsConfiguration
""".split())
"""Settings that say where S3 hands on what is in the bucket, or what is done with it."""


def _sets(operation: str, action: str, opens: str) -> Row:
    return Row(operation, "changes a setting that everybody's requests meet", reveals="config",
               changes="set-up", delivers="handed" if operation in HANDING else "", opens=opens,
               actions=f"s3:{action}@bucket", leaves="id=Id")


STORES = (
    Row("ListBuckets", "names of the account's buckets", reveals="buckets",
        actions="s3:ListAllMyBuckets@buckets", leaves="prefix=Prefix"),
    Row("ListDirectoryBuckets", "names of the account's buckets", reveals="buckets",
        actions="s3express:ListAllMyDirectoryBuckets@any"),
    Row("HeadBucket", "whether the bucket is there, and where", reveals="config own-name",
        actions="s3:ListBucket@bucket"),
    Row("CreateBucket", "a new name among everybody's; an error tells that it is taken",
        reveals="buckets config", changes="own-name set-up", opens="opening",
        actions="s3:CreateBucket@bucket s3:PutBucketAcl@bucket-acl", leaves="bucket=Bucket"),
    Row("DeleteBucket", "whoever uses it is told that it is gone; an error tells that it is not empty",
        reveals="all", changes="all own-name", opens="deletes the bucket", actions="s3:DeleteBucket@bucket"),
)

SHOWN = tuple(_shows(operation, action) for operation, action in (
    ("GetBucketAbac", "GetBucketAbac"),
    ("GetBucketAccelerateConfiguration", "GetAccelerateConfiguration"),
    ("GetBucketAcl", "GetBucketAcl"),
    ("GetBucketAnalyticsConfiguration", "GetAnalyticsConfiguration"),
    ("GetBucketCors", "GetBucketCORS"),
    ("GetBucketEncryption", "GetEncryptionConfiguration"),
    ("GetBucketIntelligentTieringConfiguration", "GetIntelligentTieringConfiguration"),
    ("GetBucketInventoryConfiguration", "GetInventoryConfiguration"),
    ("GetBucketLifecycle", "GetLifecycleConfiguration"),
    ("GetBucketLifecycleConfiguration", "GetLifecycleConfiguration"),
    ("GetBucketLocation", "GetBucketLocation"),
    ("GetBucketLogging", "GetBucketLogging"),
    ("GetBucketMetadataConfiguration", "GetBucketMetadataTableConfiguration"),
    ("GetBucketMetadataTableConfiguration", "GetBucketMetadataTableConfiguration"),
    ("GetBucketMetricsConfiguration", "GetMetricsConfiguration"),
    ("GetBucketNotification", "GetBucketNotification"),
    ("GetBucketNotificationConfiguration", "GetBucketNotification"),
    ("GetBucketOwnershipControls", "GetBucketOwnershipControls"),
    ("GetBucketPolicy", "GetBucketPolicy"),
    ("GetBucketPolicyStatus", "GetBucketPolicyStatus"),
    ("GetBucketReplication", "GetReplicationConfiguration"),
    ("GetBucketRequestPayment", "GetBucketRequestPayment"),
    ("GetBucketTagging", "GetBucketTagging"),
    ("GetBucketVersioning", "GetBucketVersioning"),
    ("GetBucketWebsite", "GetBucketWebsite"),
    ("GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"),
    ("GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    ("ListBucketAnalyticsConfigurations", "GetAnalyticsConfiguration"),
    ("ListBucketIntelligentTieringConfigurations", "GetIntelligentTieringConfiguration"),
    ("ListBucketInventoryConfigurations", "GetInventoryConfiguration"),
    ("ListBucketMetricsConfigurations", "GetMetricsConfiguration"),
))

SET = tuple(_sets(operation, action, opens) for operation, action, opens in (
    ("PutBucketPolicy", "PutBucketPolicy", "lets others in by a policy"),
    ("DeleteBucketPolicy", "DeleteBucketPolicy", "takes a policy away that may have denied"),
    ("PutBucketAcl", "PutBucketAcl", "lets others in by an ACL"),
    ("PutPublicAccessBlock", "PutBucketPublicAccessBlock", "changes what is open to the public"),
    ("DeletePublicAccessBlock", "PutBucketPublicAccessBlock", "lets the bucket be opened to the public"),
    ("PutBucketOwnershipControls", "PutBucketOwnershipControls", "changes who owns what others put"),
    ("DeleteBucketOwnershipControls", "PutBucketOwnershipControls", "changes who owns what others put"),
    ("PutBucketAbac", "PutBucketAbac", "lets tags decide who gets in"),
    ("PutBucketTagging", "PutBucketTagging", "sets tags, by which policies let callers in"),
    ("DeleteBucketTagging", "PutBucketTagging", "removes tags, by which policies keep callers out"),
    ("PutBucketReplication", "PutReplicationConfiguration", "copies every object into another bucket"),
    ("DeleteBucketReplication", "PutReplicationConfiguration", "stops the copies that others rely on"),
    ("PutBucketNotification", "PutBucketNotification", "tells others of every object"),
    ("PutBucketNotificationConfiguration", "PutBucketNotification", "tells others of every object"),
    ("PutBucketLogging", "PutBucketLogging", "writes every request's line into another bucket"),
    ("PutBucketInventoryConfiguration", "PutInventoryConfiguration",
     "writes the list of objects into another bucket"),
    ("DeleteBucketInventoryConfiguration", "PutInventoryConfiguration",
     "stops the lists that others rely on"),
    ("PutBucketAnalyticsConfiguration", "PutAnalyticsConfiguration",
     "writes figures of use into another bucket"),
    ("DeleteBucketAnalyticsConfiguration", "PutAnalyticsConfiguration",
     "stops the figures that others rely on"),
    ("PutBucketMetricsConfiguration", "PutMetricsConfiguration", "publishes figures of use"),
    ("DeleteBucketMetricsConfiguration", "PutMetricsConfiguration", "stops the figures that others rely on"),
    ("PutBucketWebsite", "PutBucketWebsite", "serves or redirects visitors"),
    ("DeleteBucketWebsite", "DeleteBucketWebsite", "stops serving visitors"),
    ("PutBucketCors", "PutBucketCORS", "lets pages of other origins read"),
    ("DeleteBucketCors", "PutBucketCORS", "stops pages of other origins"),
    ("PutBucketLifecycle", "PutLifecycleConfiguration", "deletes or moves objects later"),
    ("PutBucketLifecycleConfiguration", "PutLifecycleConfiguration", "deletes or moves objects later"),
    ("DeleteBucketLifecycle", "PutLifecycleConfiguration", "keeps objects that were to be deleted"),
    ("PutBucketIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration", "moves objects later"),
    ("DeleteBucketIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration",
     "stops moving objects"),
    ("PutBucketEncryption", "PutEncryptionConfiguration",
     "encrypts what is put from now on with another key"),
    ("DeleteBucketEncryption", "PutEncryptionConfiguration",
     "encrypts what is put from now on with another key"),
    ("PutBucketVersioning", "PutBucketVersioning", "keeps, or stops keeping, what is overwritten"),
    ("PutBucketAccelerateConfiguration", "PutAccelerateConfiguration", "serves the bucket at another host"),
    ("PutBucketRequestPayment", "PutBucketRequestPayment", "changes who pays and so who may read"),
    ("PutObjectLockConfiguration", "PutBucketObjectLockConfiguration", "keeps objects from being deleted"),
    ("CreateBucketMetadataConfiguration", "CreateBucketMetadataTableConfiguration",
     "writes the objects' metadata into a table"),
    ("CreateBucketMetadataTableConfiguration", "CreateBucketMetadataTableConfiguration",
     "writes the objects' metadata into a table"),
    ("DeleteBucketMetadataConfiguration", "DeleteBucketMetadataTableConfiguration",
     "stops the table that others read"),
    ("DeleteBucketMetadataTableConfiguration", "DeleteBucketMetadataTableConfiguration",
     "stops the table that others read"),
    ("UpdateBucketMetadataAnnotationTableConfiguration", "UpdateBucketMetadataAnnotationTableConfiguration",
     "writes the objects' annotations into a table"),
    ("UpdateBucketMetadataInventoryTableConfiguration", "UpdateBucketMetadataInventoryTableConfiguration",
     "writes the list of objects into a table"),
    ("UpdateBucketMetadataJournalTableConfiguration", "UpdateBucketMetadataJournalTableConfiguration",
     "writes every change of the objects into a table"),
))

ROWS = STORES + SHOWN + SET
