"""Everything shiftscope raises on purpose, and the exit codes of the command line.

::

    ShiftscopeError
    ├── InputError            data or options that cannot be used as given
    │   ├── UnknownNameError  a measure, backbone, class or option nobody knows (did you mean …?)
    │   └── RecordError       a run.json that is not one
    ├── BackboneError         a model that cannot be built as described
    │   ├── WeightsUnavailableError   weights that had to be downloaded and could not be
    │   ├── IntegrityError            a file that is not the one its manifest describes
    │   └── UntrustedCodeError        user code met without --trust-code
    ├── MissingDependencyError        an extra that is not installed
    ├── GateError             a record that a policy does not let pass
    │   └── InconclusiveError         … because it cannot show what the policy asks for
    └── NotApplicableError    a measure that has no meaning here; becomes a result, not a failure
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum

__all__ = [
    "BackboneError",
    "ExitCode",
    "GateError",
    "InconclusiveError",
    "InputError",
    "IntegrityError",
    "MissingDependencyError",
    "NotApplicableError",
    "RecordError",
    "ShiftscopeError",
    "UnknownNameError",
    "UntrustedCodeError",
    "WeightsUnavailableError",
    "did_you_mean",
]


class ExitCode(IntEnum):
    """What the process returns: the same meaning for every command."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    INTERRUPTED = 130


class ShiftscopeError(Exception):
    """Base of all errors raised on purpose: one line saying what was given, what is wrong, what to do."""

    exit_code = ExitCode.USAGE


class InputError(ShiftscopeError):
    """Data or options that cannot be used as given."""


class UnknownNameError(InputError):
    """A name nobody registered, with the nearest known ones."""

    def __init__(self, what: str, name: str, known: Iterable[str], *, at: str = "") -> None:
        place = f"{at}: " if at else ""
        super().__init__(f"{place}There is no {what} named {name!r}. {did_you_mean(name, known)}")


class RecordError(InputError):
    """A file that claims to be a run record and is not."""


class BackboneError(ShiftscopeError):
    """A model that cannot be built as described."""


class WeightsUnavailableError(BackboneError):
    """Weights that had to be downloaded and could not be."""


class IntegrityError(BackboneError):
    """A file that is not the one its manifest describes."""


class UntrustedCodeError(BackboneError):
    """User code met without ``--trust-code``."""


class MissingDependencyError(ShiftscopeError):
    """An optional package that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'shiftscope[{extra}]'.")


class GateError(ShiftscopeError):
    """A record that a policy does not let pass; raised by ``Verdict.raise_for_status``."""

    exit_code = ExitCode.GATE_FAILED


class InconclusiveError(GateError):
    """A record that breaks no rule of a policy and cannot show that it keeps all of them."""

    exit_code = ExitCode.INCONCLUSIVE


class NotApplicableError(ShiftscopeError):
    """A measure that has no meaning for these samples; ``Measure.run`` turns it into a result."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A closing sentence for an unknown name: the nearest known ones, or all of them when few."""
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=2, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(n) for n in near)}?"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"Known: {shown}."
