"""Which namespace `POLICIES` is, and what may be listed of it."""

from __future__ import annotations

import pytest

from router.dev.kv import Key, keys_from, local_namespace_id, namespace_id
from router.dev.layout import Layout, SetupError

OTHER = '[[kv_namespaces]]\nbinding = "OTHER"\nid = "of-another"\n'


@pytest.mark.parametrize(
    ("lines", "remote", "local"),
    [
        ('id = "one"', "one", "one"),
        ('id = "one"\npreview_id = "two"', "one", "two"),
        ('preview_id = "two"', None, "two"),
        ("", None, "POLICIES"),
        (None, None, "POLICIES"),
    ],
)
def test_the_namespace_is_named_as_wrangler_names_it(
    clone: Layout, lines: str | None, remote: str | None, local: str
) -> None:
    ours = "" if lines is None else f'[[kv_namespaces]]\nbinding = "POLICIES"\n{lines}\n'
    clone.config_file.write_text(OTHER + ours)
    assert local_namespace_id(clone) == local
    if remote:
        assert namespace_id(clone) == remote
    else:
        with pytest.raises(SetupError, match="no id for the KV namespace POLICIES"):
            namespace_id(clone)


@pytest.mark.parametrize("metadata", [None, 3, "text", ["list"]])
def test_metadata_that_is_no_mapping_counts_as_none(metadata: object) -> None:
    listed = [{"name": "a", "metadata": metadata}, {"name": "b"}]
    assert keys_from(listed) == [Key("a", {}), Key("b", {})]
