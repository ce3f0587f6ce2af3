"""`python -m tests.policies.compiled.golden` writes the golden files anew. Exit code 1: `FORMAT`
must be raised first."""

from __future__ import annotations

import sys

from tests.policies.compiled.golden.files import FORM, TYPES, change, form_now, types_now


def main() -> int:
    if FORM.exists() and (found := change()):
        print(found, file=sys.stderr)
        return 1
    FORM.write_text(form_now())
    TYPES.write_text(types_now())
    return 0


if __name__ == "__main__":
    sys.exit(main())
