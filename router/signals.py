"""What Ctrl-C and SIGTERM do to a command.

1. While nothing is to be cleaned up (imports, the end of the process), the command just ends:
   modules in C do not expect that their imports are interrupted.
2. While a verb runs, both raise, so that it ends its children and removes what is half done.
3. The exit code is 128 and the number of the signal: 130 after Ctrl-C, 143 after SIGTERM.
4. What is ignored stays ignored: a shell starts background commands with SIGINT ignored.
"""

import os
import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, which is handled as Ctrl-C is."""


def end_on_signals() -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def raise_on_signals() -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, raise_interrupt)


def exit_code(error: KeyboardInterrupt) -> int:
    return 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)


def raise_interrupt(number: int, _frame: object) -> None:
    """Raise what ends a verb. A terminal that is closed (SIGHUP) terminates it."""
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _end(number: int, _frame: object) -> None:
    os._exit(128 + number)
