"""The way of one request or connection out of an environment: what the courses ask for, carried out.

Knows the rooms' verbs and what waits for whom. Does not decide anything, nor start an environment.
"""
