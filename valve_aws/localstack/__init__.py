"""The front: our environments as those that run functions for a LocalStack, which loads us as a plugin.

The only room that knows LocalStack's own classes. Does not judge: what it builds is a valve like any other.
"""
