"""Reference pages made from OpenAPI documents: what those of the agent and the router share."""
