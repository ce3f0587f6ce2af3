"""The job queue: what can be asked of it, and its SQL."""
