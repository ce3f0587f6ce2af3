"""What several Workers of this repository need.

The router, its policies and the agent use it, and it uses none of them. `garbage.py`,
`javascript.py` and the JavaScript touch the runtime; the others are pure.
"""
