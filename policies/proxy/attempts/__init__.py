"""The attempts at one request: sending, hedging, outcomes, the cache."""
