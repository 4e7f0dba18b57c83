"""Who we are to the API server: the name that it records with each field that we apply. Pure."""

from attrs import frozen


@frozen(kw_only=True)
class FieldManager:
    """Our name, and how the objects of an earlier operator are known, whose fields become ours.

    name: as recorded in `managedFields`. upgrades_label: the label by whose writer that operator is known on objects that
    cannot have an owner reference. upgrades_finalizer: what it put on its objects and nobody else would take off. Empty
    where there was no such operator.
    """

    name: str
    upgrades_label: str = ""
    upgrades_finalizer: str = ""

    @property
    def restoring(self) -> str:
        """As whom we replace whole objects: such a write is no apply, and what it set is to become ours afterwards.

        What admission webhooks add to our other writes is recorded as an update of `name`: that is not ours.
        """
        return f"{self.name}-restore"
