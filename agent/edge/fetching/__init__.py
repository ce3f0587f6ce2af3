"""Requests to the Internet: of capabilities, of the sandbox, and callbacks."""
