"""Agents that users define, and their table."""
