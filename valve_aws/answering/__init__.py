"""What is answered to clients outside: the Lambda API, HTTP APIs and function URLs, the operator's own door.

Knows whose request it is and what it asks for. Does not know sockets of servers, nor commands.
"""
