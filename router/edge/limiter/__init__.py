"""The Durable Object that counts for one limited key."""
