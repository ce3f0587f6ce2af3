"""The Durable Object that all isolates report to: probes, votes, drills, rollouts."""
