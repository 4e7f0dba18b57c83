"""The status of a scrape object: what every owner that has looked at it made of it."""

import zlib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.identity import CONDITION_SUFFIX
from vmagent_operator.status.conditions import (
    MAX_MESSAGE,
    MAX_REASON,
    READY,
    STALLED,
    SUMMARY,
    Condition,
    Status,
    condition,
    conditions,
    says,
    time,
)

_LONGEST_STALE_SECONDS = 10800.0
"""The least age at which a condition counts as left behind: three times the hour in which the Go operator renews its own."""


def scrape_status(
    scrape: ScrapeObject,
    verdicts: Mapping[str, str | None],
    released: Collection[str],
    now: datetime,
    *,
    ttl_seconds: float = 3600,
    miss: str = "",
) -> Status | None:
    """The status of a scrape object; None if there is nothing to write.

    verdicts: by `condition_type` of each owner that selects it, why it was left out, or None if it was applied. released:
    the types of owners that do not select it. ttl_seconds: how old the time of an unchanged condition may grow; each
    object has its own within half as much more. miss: what keeps it from being selected, if nobody selects it.
    """
    before = {known["type"]: known for known in conditions(scrape)}
    found = {kind: known for kind, known in before.items() if kind not in released}
    for parent, message in verdicts.items():
        status = "True" if message is None else "False"
        text = (message or "")[:MAX_MESSAGE]
        content = says(parent, status, "ConfigParsedAndApplied", text, scrape.metadata.generation)
        found[parent] = condition(found.get(parent), content, now, ttl_seconds * _spread(scrape, parent))
    if not verdicts and not miss and len(found) == len(before):
        return None  # nobody has anything to say about it
    return _aggregated(scrape, _without_stale(scrape, found, verdicts, now, ttl_seconds), miss, now)


def _without_stale(
    scrape: ScrapeObject,
    found: Mapping[str, Condition],
    own: Collection[str],
    now: datetime,
    ttl_seconds: float,
) -> list[Condition]:
    """`found`, sorted by type, without what owners that are gone have left behind.

    Age is counted from the newest time on the object, but not from one that is yet to come: a clock that runs ahead
    must not make the others look old.
    """
    updated = {kind: time(known.get("lastUpdateTime")) for kind, known in found.items()}
    newest = min(now, max((at for at in updated.values() if at), default=now))

    def is_stale(kind: str) -> bool:
        at = updated[kind]
        if kind in own or at is None or not kind.endswith(CONDITION_SUFFIX):
            return False
        limit_seconds = max(_LONGEST_STALE_SECONDS, 3 * ttl_seconds) + ttl_seconds * _spread(scrape, kind)
        return newest - at > timedelta(seconds=limit_seconds)

    return [found[kind] for kind in sorted(found) if not is_stale(kind)]


def _aggregated(scrape: ScrapeObject, found: list[Condition], miss: str, now: datetime) -> Status | None:
    """The whole status with the conditions `found`; None if it is what `scrape` has already."""
    ours = [known for known in found if known["type"].endswith(CONDITION_SUFFIX)]
    faults = sorted(str(known.get("message", "")) for known in ours if known.get("status") == "False")
    applied = len(ours) - len(faults)
    state, word, reason = ("operational", "Applied", "") if ours else ("ignored", "", miss[:MAX_REASON])
    if faults and applied:
        word, reason = "PartlyApplied", f"applied on {applied} parent(s), failed on {len(faults)}: {faults[0]}"
    elif faults:
        state, word, reason = "failed", "Rejected", faults[0]
    found = _with_summary(scrape, found, state, word, reason, now)
    status: Status = {**scrape.status, "observedGeneration": scrape.metadata.generation, "updateStatus": state}
    status |= {"conditions": list(found), "reason": reason}
    status = {key: value for key, value in status.items() if value not in ("", [])}
    before = {key: value for key, value in scrape.status.items() if value not in ("", [])}
    if "conditions" in before:
        before["conditions"] = sorted(conditions(scrape), key=lambda known: str(known["type"]))
    return None if status == before else status


def _with_summary(
    scrape: ScrapeObject, found: list[Condition], state: str, word: str, reason: str, now: datetime
) -> list[Condition]:
    """`found` with what sums it up for whoever waits for the object; sorted by type.

    An object that nobody selects has no `Ready`: to scrape nothing is no fault for which a release had to fail, and yet it is
    not what one waits for.
    """
    said = {"operational": {READY: "True"}, "failed": {READY: "False", STALLED: "True"}}.get(state, {})
    before = {known["type"]: known for known in conditions(scrape)}
    full = {known["type"]: known for known in found if known["type"] not in SUMMARY}
    for kind, status in said.items():
        content = says(kind, status, word, reason[:MAX_REASON], scrape.metadata.generation)
        full[kind] = condition(before.get(kind), content, now)
    return [full[kind] for kind in sorted(full)]


def _spread(scrape: ScrapeObject, parent: str) -> float:
    """A number in [1, 1.5) that is the object's and parent's own, so that refreshes come evenly and not in waves."""
    return 1 + zlib.crc32(f"{scrape.metadata.uid} {parent}".encode()) / 2**33
