"""The isolate that answers: its settings, its metrics, and what it works with."""
