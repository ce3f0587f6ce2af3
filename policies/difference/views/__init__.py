"""Policies with values in canonical spelling, and the changes between two of them."""
