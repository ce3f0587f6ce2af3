"""The command `router`, from its first line: Ctrl-C during imports leaves no trace, either."""

import sys

from router.signals import end_on_signals, exit_code, raise_on_signals

end_on_signals()  # before the imports that take long


def main() -> int:
    """Run the command line and return its exit code."""
    from router.cli.main import main as run

    try:
        code = run(begin=raise_on_signals)
    except KeyboardInterrupt as error:  # while an error was told
        code = exit_code(error)
    end_on_signals()
    return code


if __name__ == "__main__":
    sys.exit(main())
