"""The HTTP client of a running router's admin pages."""
