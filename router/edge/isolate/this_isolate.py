"""The `Isolate` of this isolate. Requests and Durable Objects may share it: the runtime may run
both in one isolate."""

from __future__ import annotations

from bundled_policy import COMPILED, DIGEST, TEXT

from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import tables_from
from router.edge.isolate.isolate import Isolate
from workers_runtime.garbage import take_over

ISOLATE = Isolate(CompiledPolicy(tables_from(COMPILED, DIGEST)), TEXT)
take_over()
