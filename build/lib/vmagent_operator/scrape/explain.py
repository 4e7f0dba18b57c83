"""Why an owner scrapes an object, or does not: the steps of a reconcile, taken for one object and put into words.

Nothing is decided here; every link of the chain is the function that a reconcile uses.
"""

from attrs import frozen

from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.scrape import selection
from vmagent_operator.scrape.checks import validate
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import fragment
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.references import SecretSnapshot


@frozen(kw_only=True)
class Verdict:
    """What becomes of one object at one owner.

    jobs: the names of its jobs. broken: the first link that is broken ("agent", "labels", "object", ...), "" if none is;
    message: what is wrong with it.
    """

    jobs: tuple[str, ...] = ()
    broken: str = ""
    message: str = ""

    @property
    def is_selected(self) -> bool:
        """Whether the owner selects the object, scraped or not."""
        return self.broken in ("", "object")


def verdict(
    owner: ScrapeOwner,
    obj: ScrapeObject,
    namespaces: selection.Namespaces,
    snapshot: SecretSnapshot,
) -> Verdict:
    """Whether `owner` scrapes `obj`, and if not, the first link of the chain that breaks."""
    try:
        miss = selection.not_selected(owner, obj, namespaces)
    except selection.SelectorError as error:
        return Verdict(broken="agent", message=str(error))
    if miss is not None:
        return Verdict(broken=miss.reason, message=miss.message)
    if errors := validate.owner(owner):
        return Verdict(broken="agent", message="; ".join(errors))
    made = fragment(obj, context(owner), snapshot)
    if isinstance(made, Finding):
        return Verdict(broken="object", message=made.message)
    return Verdict(jobs=made.names)
