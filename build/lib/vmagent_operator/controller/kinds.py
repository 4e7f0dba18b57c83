"""The kinds of owners that this operator runs: a row each."""

from vmagent_operator.controller.engine.kind import OwnerKind
from vmagent_operator.controller.vmagent import VMAGENT
from vmagent_operator.controller.vmcluster import VMCLUSTER
from vmagent_operator.controller.vmsingle import VMSINGLE

OWNERS: tuple[OwnerKind, ...] = (VMAGENT, VMSINGLE, VMCLUSTER)
BY_KIND = {of.kind.name: of for of in OWNERS}
