"""The API keys of two policies, named so that each is compared with itself.

A key is known by its hash, or else, if it is the only one of its id on both sides that is
not, by that id: its hash has changed. Hashes serve to compare and are never told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from policies.difference.spelling import View, plain, time_text, unique
from policies.difference.view import quota_view
from policies.language.auth import ApiKey

HASH = "hash"  # the field that `hidden` makes tellable
Hash = tuple[str, str]  # kind and digits


def key_views(before: Iterable[ApiKey], after: Iterable[ApiKey]) -> tuple[View, View]:
    """Name to key, on both sides."""
    old, new = _by_hash(before), _by_hash(after)
    names = _names(old, new)
    return (
        {names[each]: _view(each, key) for each, key in old.items()},
        {names[each]: _view(each, key) for each, key in new.items()},
    )


def _by_hash(keys: Iterable[ApiKey]) -> dict[Hash, ApiKey]:
    """Of keys with one hash the first counts."""
    found: dict[Hash, ApiKey] = {}
    for key in keys:
        hashed = ("sha256", key.sha256) if key.sha256 else ("hmac_sha256", str(key.hmac_sha256))
        found.setdefault((hashed[0], str(hashed[1])), key)
    return found


def _names(old: dict[Hash, ApiKey], new: dict[Hash, ApiKey]) -> dict[Hash, str]:
    """A name for each hash; two hashes have one name if one took the other's place."""
    lost, gained = _alone(old, new), _alone(new, old)
    names: dict[Hash, str] = {}
    taken = Counter[str]()
    for hashed, key in {**new, **old}.items():
        taken[key.id] += 1
        names[hashed] = key.id if taken[key.id] == 1 else f"{key.id}#{taken[key.id]}"
    for name in lost.keys() & gained.keys():
        if len(lost[name]) == len(gained[name]) == 1:
            names[lost[name][0]] = names[gained[name][0]]
    return names


def _alone(here: dict[Hash, ApiKey], there: dict[Hash, ApiKey]) -> dict[str, list[Hash]]:
    """The hashes that the other side has not, by id."""
    found: defaultdict[str, list[Hash]] = defaultdict(list)
    for hashed, key in here.items():
        if hashed not in there:
            found[key.id].append(hashed)
    return found


def _view(hashed: Hash, key: ApiKey) -> View:
    view: View = {"id": key.id, HASH: list(hashed), "scopes": unique(key.scopes)}
    view |= plain(key, without=("id", "sha256", "hmac_sha256", "scopes", "rate_limits", "metadata"))
    for name in ("not_before", "not_after"):
        if name in view:
            view[name] = time_text(view[name])
    view["rate_limits"] = {name: quota_view(quota) for name, quota in key.rate_limits.items()}
    return view | {"metadata": dict(key.metadata)}
