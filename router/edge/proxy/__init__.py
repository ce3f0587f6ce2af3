"""Runs requests: JavaScript carries, Python decides.

`driver.js` is the Worker's handler. It reads a request, calls `Driver.decide`, executes the effect
that comes back (`wire.py` has the format), and calls `Driver.resume` only if there is more to
decide. Python never waits: each call is synchronous, text in, text out.
"""
