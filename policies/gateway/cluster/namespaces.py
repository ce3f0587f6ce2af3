"""The namespaces that a label selector matches.

Every namespace has its name as a label. If Namespaces are among the imported objects, these have
their other labels, and all other namespaces have none. Without any, a selector by other labels
matches all namespaces, which is reported.
"""

from __future__ import annotations

from policies.language.findings.found import list_in, mapping_in

OWN_NAME = "kubernetes.io/metadata.name"


class Namespaces:
    """The namespaces of an import, with their labels."""

    def __init__(self) -> None:
        self._labels: dict[str, dict[str, object]] = {}

    def add(self, value: object) -> None:
        """A Namespace."""
        meta = mapping_in(value, "metadata")
        if isinstance(name := meta.get("name"), str):
            self._labels[name] = mapping_in(meta, "labels")

    def can_tell(self, selector: object) -> bool:
        expressions = list_in(selector, "matchExpressions")
        keys = {
            *mapping_in(selector, "matchLabels"),
            *(_key(expression) for expression in expressions),
        }
        return bool(self._labels) or (bool(keys) and keys <= {OWN_NAME})

    def selects(self, selector: object, name: str) -> bool:
        """Return whether a selector matches the namespace; an empty one matches all."""
        if not self.can_tell(selector):
            return True
        labels = {OWN_NAME: name} | self._labels.get(name, {})
        wanted = mapping_in(selector, "matchLabels").items()
        expressions = list_in(selector, "matchExpressions")
        return all(labels.get(key) == value for key, value in wanted) and all(
            _holds(expression, labels) for expression in expressions
        )


def _key(expression: object) -> str:
    return str(expression.get("key")) if isinstance(expression, dict) else ""


def _holds(expression: object, labels: dict[str, object]) -> bool:
    """Return whether an expression matches; a malformed one matches nothing."""
    values, key = list_in(expression, "values"), _key(expression)
    match expression.get("operator") if isinstance(expression, dict) else None:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
