"""Crossings between Python and JavaScript for the agent's own requests."""
