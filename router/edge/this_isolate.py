"""The one `Isolate` of this isolate. Requests and Durable Objects may share it: the runtime
is free to run both in the same one."""

from __future__ import annotations

import json

from bundled_policy import COMPILED

from policies.decisions.policy import CompiledPolicy
from router.edge.garbage import take_over
from router.edge.isolate import Isolate

ISOLATE = Isolate(CompiledPolicy(json.loads(COMPILED)))
take_over()
