"""What one isolate keeps between requests: its policy, its counters, what it knows of limits and of
the Coordinator."""
