"""The bindings of a request: Workers AI, KV, the Worker Loader, and the tools made of them."""
