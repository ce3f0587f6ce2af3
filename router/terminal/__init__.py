"""Terminal output: text, tables, times. Imports nothing of the other tools."""
