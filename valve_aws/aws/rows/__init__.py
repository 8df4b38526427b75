"""The effect rows: one table a service, one line an operation, each with its why.

Knows what AWS does with each operation. Does not know who calls it nor what is allowed.
"""
