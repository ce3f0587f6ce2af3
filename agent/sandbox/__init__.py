"""Python of users, each job in an isolate of its own."""
