"""What several Workers of this repository need.

The router, its policies and the agent use it, and it uses none of them. `hosts.py`, `json_text.py`
and `prometheus.py` are pure; the other modules touch the runtime.
"""
