"""How far one Coordinator reaches: simulations, with fixed seeds. `python -m bench scale`."""
