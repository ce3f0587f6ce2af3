"""The objects of the Kubernetes Gateway API as pydantic models."""
