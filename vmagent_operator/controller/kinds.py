"""The kinds of owners that this operator runs: a row each."""

from vmagent_operator.controller.engine.kind import OwnerKind
from vmagent_operator.controller.vmagent import VMAGENT

OWNERS: tuple[OwnerKind, ...] = (VMAGENT,)
BY_KIND = {of.kind.name: of for of in OWNERS}
