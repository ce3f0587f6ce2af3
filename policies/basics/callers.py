"""Names of those who send commands to the router, in data and in texts."""

# They stand where otherwise the id of an API key does, so no key may have them.
ADMIN_SECRET = "secret"
SCHEDULE = "schedule"  # of a drill
RESERVED = {ADMIN_SECRET: "the admin secret", SCHEDULE: "the schedule of a drill"}


def caller_text(by: str) -> str:
    """Return who sent a command: the admin secret, or the id of an API key."""
    return "the admin secret" if by == ADMIN_SECRET else by
