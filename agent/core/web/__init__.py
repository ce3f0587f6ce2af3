"""Requests to the Internet on behalf of users who are not trusted."""
