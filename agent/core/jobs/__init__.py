"""Jobs and activations: from what a client sends to what is said of the outcome."""
