"""What a request or the clock starts: the table of endpoints, and background work."""
