"""The agent's OpenAPI document, and the reference made from it."""
