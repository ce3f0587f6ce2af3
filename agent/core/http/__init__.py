"""A request of a client, read within limits, and the answer to it."""
