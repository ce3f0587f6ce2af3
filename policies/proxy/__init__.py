"""A request's way through the router: one sequence, which does no I/O.

`sequence.py` reads from top to bottom. What it cannot decide it yields as an effect
(`phases/effects.py`), and whoever runs it sends back what came of it: the edge executes effects,
`explain` and `decide` narrate them, tests answer them. The phases have the names of pingora's
`ProxyHttp`: `request_filter`, `upstream_peer`, `upstream_request_filter`, `response_filter`,
`logging`.
"""
