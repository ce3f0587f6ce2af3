"""The `Isolate` of this isolate. Requests and Durable Objects may share it: the runtime may run
both in one isolate."""

from __future__ import annotations

import json

from bundled_policy import COMPILED

from policies.compiled.policy import CompiledPolicy
from router.edge.isolate.isolate import Isolate
from workers_runtime.garbage import take_over

ISOLATE = Isolate(CompiledPolicy(json.loads(COMPILED)))
take_over()
