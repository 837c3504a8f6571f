"""Entry point of the command line: turns errors into one line and an exit code."""

from __future__ import annotations

import sys

from shiftscope.errors import ExitCode, ShiftscopeError

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit code."""
    from click.exceptions import Abort, ClickException

    from shiftscope.cli import main as command

    try:
        # Left to itself, click would turn an interrupt into exit code 1.
        sys.exit(command(standalone_mode=False))
    except ClickException as usage:
        usage.show()
        sys.exit(usage.exit_code)
    except ShiftscopeError as error:
        if "--debug" in sys.argv:
            raise
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # the command line's own output
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, Abort):
        print("interrupted; finished parts stay in the store", file=sys.stderr)  # noqa: T201
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()
