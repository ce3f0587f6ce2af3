"""The share of requests that a change of a policy moves: of a log, or of a sample."""
