"""How variants, pools, regions, routes, rollouts and clients may be called."""

import re

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)
