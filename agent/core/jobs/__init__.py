"""Jobs and activations: from the request of a client to the JSON of the outcome."""
