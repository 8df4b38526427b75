"""API Gateway and function URLs: a request as an event, a result as a response, and who may ask.

Knows both payload formats, routes, CORS and authorizers. Does not know sockets nor how a function is run.
"""
