"""The OpenAPI document of `/.router/*`, and its reference page."""
