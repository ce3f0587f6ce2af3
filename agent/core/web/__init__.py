"""Requests to the Internet, on behalf of somebody who is not trusted."""
