"""The router's own pages, `/.router/…`."""
