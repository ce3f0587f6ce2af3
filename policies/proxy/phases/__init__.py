"""The phases of a request, and what all of them use: context, effects, headers."""
