"""What is served to clients: the Lambda API, and the thread that serves it.

Knows HTTP as a server's framework gives it, and AWS's answers. Does not know what runs a function, nor what
is judged: that is asked for.
"""
