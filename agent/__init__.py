"""The FiberWise agent Worker: what the variants behind the router run."""

__version__ = "0.1.0"
SERVICE = "fiberwise-agent"
