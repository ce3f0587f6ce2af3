"""Tab completion, as the shells ask for it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from router.cli.completing import names_in
from router.cli.completion import SHELLS
from router.cli.main import VERBS
from tests.support.cli import run

POLICY = """\
version: 1
variants:
  blue-1: {binding: BLUE, pool: blue}
  green-2: {binding: GREEN, pool: green}
pools:
  red: {}
regions:
  eu: {continents: [EU]}
rollouts:
  - {name: to-green, routes: [all], from: blue, to: green, steps: [{weight: 5%}]}
routes:
  - {name: all, split: {blue: 1}}
"""
# What bash does when Tab is pressed: it calls the function with the words of the line.
BASH = """\
eval "$(router completion bash)"
COMP_LINE=$1 COMP_POINT=${#1}
read -ra COMP_WORDS <<< "$1"
[[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete router "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'router completion fish | source; complete --do-complete "$argv[1]"'
# zsh completes only in its line editor: what the function is told there is set here.
ZSH = """\
autoload -U is-at-least
compdef() { :; }
_describe() { print -l -- ${(P)2} }
eval "$(router completion zsh)"
BUFFER=$1 CURSOR=${#1} words=(${(z)1})
_python_argcomplete
"""
ASK = {
    "bash": ["bash", "--norc", "-c", BASH, "bash"],
    "fish": ["fish", "--no-config", "-c", FISH],
    "zsh": ["zsh", "-f", "-c", ZSH, "zsh"],
}
CASES = [
    ("router ", VERBS),
    ("router va", ("validate",)),
    ("router --v", ("--version",)),
    ("router drill st", ("start", "stop")),
    ("router rollout sett", ("settle",)),
    ("router validate --", ("--env", "--help", "--json", "--print", "--strict")),
    ("router validate ro", ("routes.yaml",)),
    ("router test routes.yaml --cases ca", ("cases.yaml",)),
    ("router init --worker ap", ("api/",)),
    ("router explain routes.yaml --down ", ("blue-1", "green-2")),
    ("router explain other.yaml --down ", ("elsewhere",)),
    ("router drill start --variant g", ("green-2",)),
    ("router drill start --pool ", ("blue", "green", "red")),
    ("router drill start --region ", ("eu",)),
    ("router rollout start ", ("to-green",)),
    ("router rollout settle --to ", ("promote", "rollback")),
    ("router completion ", SHELLS),
    ("router explain routes.yaml --method ", ()),
]

# In the shells of this machine. fish offers files where the command offers nothing.
IN_SHELLS = [
    (shell, *case)
    for shell in SHELLS
    if shell == "bash" or shutil.which(shell)
    for case in CASES
    if case[1] or shell != "fish"
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "routes.yaml").write_text(POLICY)
    (tmp_path / "cases.yaml").touch()
    (tmp_path / "api").mkdir()
    (tmp_path / "other.yaml").write_text("variants: {elsewhere: {binding: B, pool: p}}")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(("shell", "line", "wanted"), IN_SHELLS, ids=lambda each: str(each)[:40])
def test_a_shell_completes(folder: Path, shell: str, line: str, wanted: tuple[str, ...]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = subprocess.check_output(
        [*ASK[shell], line], text=True, cwd=folder, env={**os.environ, "PATH": path}
    )
    found = [re.split(r"[:\t]", each)[0].rstrip() for each in told.splitlines() if each.strip()]
    assert sorted(found) == sorted(wanted)


def test_a_policy_that_is_half_written_has_names(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    for text, names in (
        ("variants: {a: , b: x}", ["a", "b"]),
        ("variants: [a]", []),
        ("variants: {a: [", []),
        ("- a", []),
        ("", []),
    ):
        file.write_text(text)
        assert names_in(file, "variants") == names
        assert names_in(file, "pools") == []
    assert names_in(tmp_path / "none.yaml", "variants") == []
    file.write_bytes(b"\xff\x00")
    assert names_in(file, "rollouts") == []


@pytest.mark.parametrize(
    "name", ["$(touch gone)", "a;b", "--json", "\x1b[31mred", "a b", "a\nb", "a\x0bb", "`a`"]
)
def test_what_is_no_name_is_not_offered(tmp_path: Path, name: str) -> None:
    file = tmp_path / "routes.yaml"
    told = json.dumps(name)
    file.write_text(f"variants: {{{told}: {{pool: {told}}}, good: {{}}}}\nrollouts: [name: {told}]")
    found = [names_in(file, section) for section in ("variants", "pools", "rollouts")]
    assert found == [["good"], [], []]


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    "made", [BOMB + "variants: {v: {pool: *a39}}", "variants: " + "[" * 100_000]
)
def test_a_hostile_policy_does_not_stop_the_shell(tmp_path: Path, made: str) -> None:
    (tmp_path / "routes.yaml").write_text(made)
    line = "router drill start --pool "
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = subprocess.run(
        [*ASK["bash"], line],
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        timeout=60,
    )
    assert (told.stdout.strip(), told.returncode) == ("", 0)


def test_a_shell_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "completion", "bsh")
    assert (code, "there is no `bsh`: did you mean `bash`?" in err) == (2, True)
