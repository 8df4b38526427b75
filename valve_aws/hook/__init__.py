"""The cooperative guard's hook: what a process asks of botocore taken through the courses before it is sent.

Knows botocore's clients, threads and handlers of this very process. Does not know AWS's names nor any policy,
and is no boundary: code of the same process can step around it.
"""
