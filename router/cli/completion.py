"""Print the script with which a shell completes commands, options, files and names.

Names of variants, pools, regions and rollouts are those of routes.yaml here or above. To have it
always, add to ~/.bashrc or ~/.zshrc: eval "$(router completion bash)", with the shell's name. For
fish: router completion fish > ~/.config/fish/completions/router.fish
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from router.cli.usage import Example, Usage

SHELLS = ("bash", "zsh", "fish")

USAGE = Usage(
    examples=(
        Example('eval "$(router completion bash)"', "for this shell"),
        Example(
            "router completion fish > ~/.config/fish/completions/router.fish", "for all of fish"
        ),
    ),
    exits={0: "printed"},
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar=" | ".join(SHELLS))


def run(args: Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    sys.stdout.write(shellcode(["router"], shell=args.shell))
    return 0
