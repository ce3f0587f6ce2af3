"""The table of a run, for people."""

from __future__ import annotations

from collections.abc import Sequence

from tests.load.judge import (
    GRACE,
    Story,
    broken,
    extra,
    failed,
    in_bad,
    needless,
    repeated_posts,
    returned_after,
)

COLUMNS = (
    ("requests", 8),
    ("GET failed", 10),
    ("POST failed", 11),
    ("needless", 8),
    ("twice", 5),
    ("broken", 6),
    ("to bad", 9),
    ("extra", 6),
    ("back", 6),
)
ABOUT = """\
GET failed   sent a second or more after the failure began (before, in brackets)
POST failed  in all; needless: of these, though no variant had got them
twice        POSTs that came to variants more than once; must be 0
broken       answers that began and broke off
to bad       requests to bad variants from 5 s after the failure began until they healed
extra        requests to variants beyond those that clients sent
back         seconds from healing until the bad ones had their share again"""


def cells(story: Story) -> list[str]:
    late = len(failed(story, "GET", story.failed_at + GRACE))
    early = len(failed(story, "GET", 0)) - late
    came, sent = in_bad(story)
    back = returned_after(story)
    return [
        f"{len(story.sent)}",
        f"{late} ({early})",
        f"{len(failed(story, 'POST', 0))}",
        f"{len(needless(story))}",
        f"{len(repeated_posts(story))}",
        f"{len(broken(story))}",
        f"{came}/{sent}",
        f"{extra(story):.1%}",
        "never" if back is None else f"{back:.0f} s",
    ]


def table(stories: Sequence[Story]) -> str:
    wide = max(len(story.mode.told) for story in stories)
    lines = [f"{'':<{wide}}" + "".join(f"  {name:>{width}}" for name, width in COLUMNS)]
    for story in stories:
        row = zip(cells(story), COLUMNS, strict=True)
        lines.append(f"{story.mode.told:<{wide}}" + "".join(f"  {c:>{w}}" for c, (_, w) in row))
    return "\n".join(lines) + "\n\n" + ABOUT
