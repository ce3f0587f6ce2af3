"""Loads a policy with an environment's overlay: from the bytes of two files to a valid policy, or
to all findings, each with the file that it is about.

What is published is a text of its own, with both laid together: as for any policy, its digest names
it, and the edge needs to know nothing of overlays. The same two files make the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from policies.language.check.check import MAX_NEAREST, placed, warn
from policies.language.findings.findings import FileFinding, Finding, Severity, path_text
from policies.language.findings.found import Found, KeyOf, Names
from policies.language.load import Loaded, digest_of, in_order, load, read_policy
from policies.language.tooling.write import comment, document
from policies.language.yaml.budget import Budget
from policies.language.yaml.composer import OVERLAY, POLICY
from policies.language.yaml.document import Document, read_document
from policies.overlays.merge import Merged, Mistake, merged


class NamedText(NamedTuple):
    """A file: its name in findings, and its bytes."""

    file: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Overlaid:
    """The policy with its overlay: `data` is the text to publish, b"" if there is none."""

    data: bytes
    loaded: Loaded


def load_overlaid(
    base: NamedText,
    overlay: NamedText,
    now_ms: float | None = None,
    *,
    allow_private: bool = False,
) -> Overlaid:
    """As `load` for one file."""
    below, above = read_document(base.data, POLICY), read_document(overlay.data, OVERLAY)
    if not isinstance(below, Document) or not isinstance(above, Document):
        return _refused([*_wrong(below, base.file), *_wrong(above, overlay.file)])
    both = merged(below, above, (base.file, overlay.file))
    policy, found = read_policy(both.value, Budget(allow_private=allow_private))
    findings = [*_mistaken(both.mistakes), *_placed(both, found, "error")]
    if policy is None or findings:
        return _refused(findings)
    data = _text(both, base.file, overlay.file)
    loaded = load(
        data, lint=False, allow_private=allow_private
    )  # the limits of a text hold for this one
    if loaded.policy is None:
        return Overlaid(b"", loaded)
    warnings = _sorted(_placed(both, warn(policy, now_ms), "warning"))
    return Overlaid(data, replace(loaded, findings=tuple(warnings)))


def laid_text(base: NamedText, overlay: NamedText) -> bytes | None:
    """What is published of both, valid or not; None if one cannot be read."""
    below, above = read_document(base.data, POLICY), read_document(overlay.data, OVERLAY)
    if not isinstance(below, Document) or not isinstance(above, Document):
        return None
    both = merged(below, above, (base.file, overlay.file))
    return None if both.mistakes else _text(both, base.file, overlay.file)


def _text(both: Merged, *files: str) -> bytes:
    names = [file.replace("\\", "/").rpartition("/")[2] for file in files]
    head = comment(f"{names[0]} with {names[1]}: change those, not this text.")
    return "\n".join([head, *document(both.value), ""]).encode()


def _refused(findings: Iterable[Finding]) -> Overlaid:
    return Overlaid(b"", Loaded(digest_of(b""), None, tuple(_sorted(findings))))


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    """In the order of their places; those of the overlay come last."""
    by_file: dict[str, list[Finding]] = {}
    for each in findings:
        by_file.setdefault(each.file if isinstance(each, FileFinding) else "", []).append(each)
    return [each for found in by_file.values() for each in in_order(found)]


def _wrong(read: Document | list[Finding], file: str) -> Iterator[Finding]:
    for finding in () if isinstance(read, Document) else read:
        yield FileFinding(**asdict(finding), file=file)


def _mistaken(mistakes: Iterable[Mistake]) -> Iterator[Finding]:
    for number, mistake in enumerate(mistakes):
        hint = mistake.hint
        if isinstance(hint, Names):
            hint = hint.text(compare=number < MAX_NEAREST)
        place = mistake.at.origin.lines.place(mistake.at.at)
        path, file = path_text(mistake.path), mistake.at.origin.file
        yield FileFinding(mistake.code, path, *place, mistake.message, hint, file=file)


def _placed(both: Merged, found: Iterable[Found], severity: Severity) -> list[Finding]:
    findings: list[Finding] = []
    for code, path, message, hint in found:
        if isinstance(hint, Names):
            hint = hint.text(len(findings) < MAX_NEAREST)
        [finding] = placed(both, [(code, path, message, hint)], severity)
        file = both.file(path, at_key=bool(path) and isinstance(path[-1], KeyOf))
        findings.append(FileFinding(**asdict(finding), file=file))
    return findings
