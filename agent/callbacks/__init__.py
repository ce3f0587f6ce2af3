"""Callbacks: the outbox, and how its messages are signed and delivered."""
