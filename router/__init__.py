"""What makes the policy happen: the Worker at the edge, the command line, the local runtime."""

__version__ = "0.1.0"
