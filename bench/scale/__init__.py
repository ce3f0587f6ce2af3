"""Simulations of the capacity of one Coordinator, with fixed seeds. `python -m bench scale`."""
