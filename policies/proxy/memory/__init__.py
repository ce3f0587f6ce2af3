"""Which decisions may be repeated, and for which requests."""
