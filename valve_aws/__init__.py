"""Runs AWS Lambda functions on your own machine behind a valve that follows labelled data.

Knows its own version. Does not know any room; each is imported by whoever needs it.
"""

__version__ = "0.1.0"
