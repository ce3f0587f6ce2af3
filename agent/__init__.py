"""The FiberWise agent Worker: what the variants behind the router run."""

__version__ = "0.1.0"
SERVICE = "fiberwise-edge-worker"  # what /health calls it
PRODUCT = "fiberwise-agent"  # the `user-agent` of its requests, and its name in robots.txt
