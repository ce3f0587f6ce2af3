"""The text format: each family has its help, its type and its samples, whatever labels hold."""

from __future__ import annotations

from workers_runtime.prometheus import family


def test_a_family() -> None:
    samples = [({"state": "due", "code": 200}, 3), ({}, 1.5)]
    assert family("jobs", "gauge", "Jobs.", samples) == (
        '# HELP jobs Jobs.\n# TYPE jobs gauge\njobs{state="due",code="200"} 3\njobs 1.5\n'
    )


def test_a_family_without_samples_is_told() -> None:
    assert family("jobs", "counter", "Jobs.", []) == "# HELP jobs Jobs.\n# TYPE jobs counter\n"


def test_labels_are_escaped() -> None:
    assert r'{name="a\"b\\c\nd"} 1' in family("jobs", "gauge", "", [({"name": 'a"b\\c\nd'}, 1)])
