"""What the documentation has of the code: `python -m policies.reference` writes it."""
