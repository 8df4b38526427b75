"""The courses: how one crossing goes, step by step, each written once and in order.

Knows the order of steps and who is asked. Does not know HTTP, one AWS service, a socket or a file.
"""
