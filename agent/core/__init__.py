"""What the agent is beside its runtime, in rooms; here what all of them share."""
