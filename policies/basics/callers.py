"""Names of those who send commands to the router, in data and in texts."""

ADMIN_SECRET = "secret"  # stands for the admin secret where otherwise the id of an API key is


def caller_text(by: str) -> str:
    """Return who sent a command: the admin secret, or the id of an API key."""
    return "the admin secret" if by == ADMIN_SECRET else by
