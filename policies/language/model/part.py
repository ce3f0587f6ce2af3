"""The base of all mappings of the language. It refuses unknown fields and empty values, and
bounds the cost of reading."""

from __future__ import annotations

from annotated_types import MaxLen
from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from policies.language.values.values import problem
from policies.language.yaml.budget import MAX_ENTRIES, MAX_UNKNOWN, Budget

UNBOUNDED = ("routes", "matches", "keys")  # only the size of the file limits them


class Part(BaseModel):
    """The base of all mappings of the language."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())

    @model_validator(mode="wrap")
    @classmethod
    def _within_budget(
        cls, value: object, handler: ModelWrapValidatorHandler[Part], info: ValidationInfo
    ) -> Part:
        if isinstance(value, cls):
            return value  # `prepare.py` has read it already
        budget: Budget = info.context or Budget()
        if budget.failures <= 0:
            return cls.__new__(cls)  # there are enough errors, so it will not be used
        try:
            part = handler(_few_unknown(value, cls))
            part.check()
        except (ValidationError, PydanticCustomError) as error:
            budget.failures -= error.error_count() if isinstance(error, ValidationError) else 1
            raise
        return part

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: object, info: ValidationInfo) -> object:
        """Refuse a key without a value: it hardly means the default."""
        if value is None:
            raise problem("empty", "the value is missing", "write a value, or leave out the key")
        size = len(value) if isinstance(value, list | dict) else 0
        _not_too_many(size, cls, info.field_name)
        if size > MAX_ENTRIES and info.field_name not in UNBOUNDED:
            message = f"these are {size:,} entries, but only {MAX_ENTRIES:,} are allowed"
            raise problem("out-of-range", message, "remove some")
        return value

    def check(self) -> None:
        """Raise a `problem` if the fields, each valid by itself, contradict each other."""


def _not_too_many(size: int, part: type[BaseModel], name: str | None) -> None:
    """Refuse a list that is too long before any entry is read: pydantic would first read as many
    as are allowed."""
    field = part.model_fields.get(name or "")
    if field is None or not size:
        return
    for bound in field.metadata:
        if isinstance(bound, MaxLen) and size > bound.max_length:
            message = f"`{field.alias or name}` has {size:,} entries"
            raise problem("out-of-range", message, f"keep at most {bound.max_length:,}")


def one_of(part: Part, names: tuple[str, ...]) -> None:
    """Raise a `problem` unless exactly one of the fields `names` is given."""
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        wanted = ", ".join(f"`{name}`" for name in names)
        found = " and ".join(f"`{name}`" for name in given) or "none"
        hint = f"write exactly one of {wanted}"
        raise problem("one-of", f"{found} given, but exactly one is required", hint)


def at_least_one(part: Part, names: tuple[str, ...] = ()) -> None:
    """Raise a `problem` if none of the fields `names` (default: all) is given."""
    names = names or tuple(type(part).model_fields)
    if not part.model_fields_set.intersection(names):
        hint = "write one of " + ", ".join(f"`{name}`" for name in names) + ", or leave it out"
        raise problem("empty", "this has no effect", hint)


def _few_unknown(value: object, part: type[Part]) -> object:
    """Return the mapping with at most MAX_UNKNOWN unknown fields."""
    if not isinstance(value, dict) or len(value) <= MAX_UNKNOWN:
        return value
    unknown = [name for name in value if name not in part.model_fields]
    untold = set(unknown[MAX_UNKNOWN:])
    return {name: value[name] for name in value if name not in untold}
