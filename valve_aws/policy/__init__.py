"""The policy language: what a `valve.yaml` may say, read against the stack it is about.

Knows the words of the language and where each stands. Does not judge anything.
"""

from valve_aws.policy.reading import read

__all__ = ["read"]
