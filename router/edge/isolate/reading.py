"""Reads a policy of KV, from its bytes to the tables that requests are decided on.

It works in slices (`go_on`). Nothing is raised: a policy that cannot be read is None, and the
findings say why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from policies.basics.steps import Steps, within
from policies.compiled.form.text import NoForm
from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import MAX_FORM_WORK, PolicyTables, tables_steps
from policies.language.compile.compile import compile_steps
from policies.language.findings.findings import Finding
from policies.language.load import load_steps
from router.edge.runtime.faults import error_fields

Source = Literal["kv", "last-good", "bundled"]


class Reading:
    """One policy, named by `digest`. `compiled`: its compiled form in KV, if any; `policy`: the
    result (set at once if this policy serves already); `tables`: its compiled form, if it was
    compiled here; `is_first`: KV may have had it for long."""

    def __init__(
        self,
        data: bytes,
        digest: str,
        source: Source,
        log: Callable[[str, dict[str, object]], None],
        *,
        allow_private: bool = False,
    ) -> None:
        self.data = data
        self.digest = digest
        self.source = source
        self.compiled: bytes | None = None
        self.is_first = False
        self.policy: CompiledPolicy | None = None
        self.findings: tuple[Finding, ...] = ()
        self.tables: PolicyTables | None = None
        self._allow_private = allow_private
        self._steps = self._read()
        self._log = log

    def go_on(self, units: int) -> bool:
        """Do so many units of work. Returns whether the reading is complete."""
        try:
            while units > 0:
                units -= next(self._steps)
            return False
        except StopIteration:
            return True
        except Exception as error:  # refused like a bad policy, so it is not tried again
            self.policy = None
            self._log("internal-error", {"digest": self.digest, **error_fields(error)})
            return True

    def _read(self) -> Steps[None]:
        if self.policy:
            return
        if self.compiled:
            self.policy = yield from self._from_form(self.compiled)
            if self.policy:
                return
        loaded = yield from load_steps(self.data, self.digest, allow_private=self._allow_private)
        if loaded.policy is None:
            self.findings = loaded.findings
            return
        self.tables = yield from compile_steps(loaded.policy, self.digest)
        self.policy = yield from CompiledPolicy.in_steps(self.tables)

    def _from_form(self, form: bytes) -> Steps[CompiledPolicy | None]:
        """The policy from its compiled form. Returns None, and logs why, if the form is refused;
        then the YAML is read."""
        try:
            tables = yield from tables_steps(form, self.digest)
            return (yield from within(CompiledPolicy.in_steps(tables), MAX_FORM_WORK))
        except NoForm as error:
            reason = str(error)
        except Exception as error:  # whatever it is, it is not a compiled form
            reason = f"its tables are not those of a policy ({type(error).__name__})"
        self._log("compiled-refused", {"digest": self.digest, "reason": reason})
        return None
