"""Workers of users that poll for jobs, and their table."""
