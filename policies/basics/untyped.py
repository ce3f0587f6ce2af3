"""Values whose shape types cannot tell: what a parser returned, and annotations themselves.

Whatever is read from one of them is checked where it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

# Parsed JSON or YAML.
Parsed: TypeAlias = Any
ParsedMapping: TypeAlias = dict[str, Any]

# A JSON object that the code itself writes, stores or generates.
JsonObject: TypeAlias = dict[str, Any]
JsonMapping: TypeAlias = Mapping[str, Any]

# A type as an annotation spells it, such as `list[int] | None`. `TypeForm` is for those that code
# builds, which type checkers take for any type.
Annotation: TypeAlias = object
TypeForm: TypeAlias = Any
