"""The way of a request through the router: one sequence, without I/O.

`sequence.py` reads from top to bottom. I/O is an effect (`phases/effects.py`) that it yields, and
the caller sends back the result: the edge executes effects, `explain` and `decide` narrate them,
tests answer them. The phases have the names of pingora's `ProxyHttp`: `request_filter`,
`upstream_peer`, `upstream_request_filter`, `response_filter`, `logging`.
"""
