"""Reference pages made from OpenAPI documents: the code that the agent and the router share."""
