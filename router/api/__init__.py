"""A running router, as tools ask it over HTTP."""
