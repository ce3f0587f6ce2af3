"""Statements of SQL: read, bounded, and run on the users' own tables."""
