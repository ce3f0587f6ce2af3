"""Names of callers that send commands to the router, in data and in texts."""

# They are used in place of the id of an API key, so no key may have them.
ADMIN_SECRET = "secret"
SCHEDULE = "schedule"  # starts a drill
RESERVED = {ADMIN_SECRET: "the admin secret", SCHEDULE: "the schedule of a drill"}


def caller_text(by: str) -> str:
    """Return who sent a command: the admin secret, or the id of an API key."""
    return "the admin secret" if by == ADMIN_SECRET else by
