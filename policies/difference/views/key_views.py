"""The API keys of two policies, named so that each is compared with itself.

Keys are matched by their hashes. If one key of an id is left on both sides, it is the same key
with a changed hash. Hashes are only compared, and never reported.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from policies.difference.views.spelling import View, plain, time_text, unique
from policies.difference.views.view import quota_view
from policies.language.model.auth import ApiKey

HASH = "hash"  # the field that `hidden` masks
Hash = tuple[str, str]  # kind and digits


def key_views(before: Iterable[ApiKey], after: Iterable[ApiKey]) -> tuple[View, View]:
    """Return the keys by name, on both sides."""
    old, new = _by_hash(before), _by_hash(after)
    names = _names(old, new)
    return (
        {names[position]: _view(position, key) for position, key in old.items()},
        {names[position]: _view(position, key) for position, key in new.items()},
    )


def _by_hash(keys: Iterable[ApiKey]) -> dict[Hash, ApiKey]:
    """Return the keys by hash; of keys with the same hash, the first counts."""
    found: dict[Hash, ApiKey] = {}
    for key in keys:
        hashed = ("sha256", key.sha256) if key.sha256 else ("hmac_sha256", str(key.hmac_sha256))
        found.setdefault((hashed[0], str(hashed[1])), key)
    return found


def _names(old: dict[Hash, ApiKey], new: dict[Hash, ApiKey]) -> dict[Hash, str]:
    """Return a name for each hash; a hash that replaced another has the same name."""
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
    """Return the hashes that the other side lacks, by id."""
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
