"""The state of one isolate between requests: its policy, its counters, and what it knows of limits
and from the Coordinator."""
