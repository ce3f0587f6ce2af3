"""What a request or the clock sets going: the table of endpoints, and background work."""
