"""The job queue: its operations, and their SQL."""
