"""Explains where a request goes, and why."""
