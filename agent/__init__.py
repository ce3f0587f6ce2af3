"""What runs the activations of FiberWise agents at the edge, behind the router."""

__version__ = "0.1.0"
