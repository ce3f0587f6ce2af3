"""What tools need of the language: its JSON Schema, its reference, a policy's bindings."""
