"""Which types a release may hold: named in code under review, never read from the release.

In: a project's policy. Out: whether a model holds anything else. An attacker would name his own.
"""

import importlib
from dataclasses import dataclass

import skops.io

from .. import estimators


@dataclass(frozen=True)
class TrustPolicy:
    """The types that may be loaded beyond those that skops trusts by itself.

    types: their whole names; modules: whose own classes count, since they are under review.

    >>> TrustPolicy(frozenset({"numpy.dtype"})).allows("builtins.eval")
    False
    """

    types: frozenset[str] = frozenset()
    modules: tuple[str, ...] = ()

    def allows(self, name: str) -> bool:
        """Return whether a type may be loaded; of a module, what it imports is not meant."""
        module, _, short = name.rpartition(".")
        if module not in (*self.modules, estimators.__name__):
            return name in self.types
        found = getattr(importlib.import_module(module), short, None)
        return name in self.types or getattr(found, "__module__", "") == module

    def types_in(self, model: bytes) -> tuple[list[str], list[str]]:
        """Return the types in a model that skops does not trust, and those that are not allowed."""
        asked = skops.io.get_untrusted_types(data=model)
        return asked, [name for name in asked if not self.allows(name)]
