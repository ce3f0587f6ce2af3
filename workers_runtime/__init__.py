"""What every Python Worker of this repository needs of its runtime, once.

The router and the agent use it, and it uses neither. `json_text.py` and `prometheus.py` are pure;
the others touch the runtime.
"""
