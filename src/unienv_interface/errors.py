"""The root of the exception tree that `unienv_interface` and `unienv_data` share.

Every exception is also the builtin that a caller would expect, so `except ValueError` and
`except IndexError` keep working:

    UniEnvError
    ├── SpaceError (ValueError)              a space is described wrongly
    ├── SpaceValueError (ValueError)         a value does not fit its space
    │   └── InexactValueError                a conversion would change the value
    ├── DocumentError (ValueError)           a JSON document breaks its schema; lists every problem
    ├── EnvError (RuntimeError)              an environment is called out of turn, or cannot do what was asked
    └── MissingDependencyError (ImportError) an optional package is not installed

`unienv_data.errors` continues the tree with what can go wrong around stored data.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "DocumentError",
    "EnvError",
    "InexactValueError",
    "MissingDependencyError",
    "SpaceError",
    "SpaceValueError",
    "UniEnvError",
]


class UniEnvError(Exception):
    """Base of every exception that these packages raise on purpose."""


class SpaceError(UniEnvError, ValueError):
    """A space cannot be built from the given arguments, or does not support what was asked."""


class SpaceValueError(UniEnvError, ValueError):
    """A value does not fit its space.

    Args:
        path: where in the value, as `observation/state`; empty for the whole value.
        expected: what the space asks for.
        actual: what came.
    """

    def __init__(self, path: str, expected: str, actual: str) -> None:
        super().__init__(path, expected, actual)
        self.path = path
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return f"{self.path or 'the value'}: expected {self.expected}, got {self.actual}"


class InexactValueError(SpaceValueError):
    """A conversion was asked for that would change a value."""


class DocumentError(UniEnvError, ValueError):
    """A JSON document is not what its schema asks for.

    Args:
        source: the file or object that the document came from.
        problems: every problem found, each beginning with its location in the document.
    """

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        super().__init__(source, tuple(problems))
        self.source = source
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return f"{self.source}: " + "; ".join(self.problems)


class EnvError(UniEnvError, RuntimeError):
    """An environment was called out of turn, or cannot do what was asked of it."""


class MissingDependencyError(UniEnvError, ImportError):
    """An optional dependency is not installed; the message ends with the command that installs it."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(module, extra)
        self.module = module
        self.extra = extra

    def __str__(self) -> str:
        return (
            f"{self.module} is needed for this and is not installed: pip install 'unienv-data[{self.extra}]'"
        )
