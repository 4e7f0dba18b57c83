"""What the operator is called and how it marks what is its own: each of these strings once.

They stand in objects of other people's clusters: one that changes orphans what carries the old one. Most are those of the
Go operator, so that either can go on where the other stopped.
"""

from typing import Final

OPERATOR: Final = "vmagent-operator"
"""The field manager of what we apply, the reporting component of Events, the product of the user agent."""

LEASE: Final = f"{OPERATOR}.victoriametrics.com"
"""The Lease for which replicas compete, unless a flag says otherwise."""

GROUP: Final = "operator.victoriametrics.com"
VERSION: Final = "v1beta1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
"""Of all our custom resources."""

PREDECESSORS: Final = frozenset({"app", "manager", "operator", "vm-operator"})
"""Names that the Go operator's executable has had, by which the API server calls a client that gives itself no name."""
PREDECESSORS_ONLY: Final = frozenset({"vm-operator"})
"""Those of them that no other program is likely to have."""

FINALIZER: Final = "apps.victoriametrics.com/finalizer"
"""On owners until what the garbage collector cannot reach is gone. The Go operator puts it on their children too."""
CONDITION_SUFFIX: Final = ".victoriametrics.com/Applied"
"""Ends the type of the condition that an owner has on each scrape object that it selects."""

# Labels of what belongs to an owner; the first four select its pods.
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
INSTANCE_LABEL: Final = "app.kubernetes.io/instance"
APPLICATION_LABEL: Final = "app.kubernetes.io/name"
MANAGED_BY_LABEL: Final = "managed-by"
MANAGED_BY: Final = "vm-operator"
PART_OF_LABEL: Final = "app.kubernetes.io/part-of"
SHARD_LABEL: Final = "shard-num"
ADDITIONAL_SERVICE_LABEL: Final = f"{GROUP}/additional-service"
PROXY_LABEL: Final = f"{GROUP}/vmauthlb-proxy-name"
"""On the Services that a balancer answers behind; its value says for whom."""
PROXY_JOB_LABEL: Final = f"{GROUP}/vmauthlb-proxy-job-name"
"""On the Services behind a balancer; its value is the name that the job has without one."""
OVERFLOW_LABEL: Final = f"{GROUP}/scrape-config-extra"
"""On Secrets that hold what the configuration Secret has no room for; its value is the prefixed name of the owner."""

# Annotations that people set.
SKIP_VALIDATION: Final = f"{GROUP}/skip-validation"
"""`true` on an owner or a scrape object: checks of what hurts nobody else are left out."""
ALLOW_EXPANSION: Final = f"{GROUP}/pvc-allow-volume-expansion"
"""On a claim: whether it can grow, whatever its storage class says."""
IGNORE_PROMETHEUS: Final = f"{GROUP}/ignore-prometheus-updates"
"""`enabled` on an object that was converted from a Prometheus one: it stays as it is."""
MERGE_STRATEGY: Final = f"{GROUP}/merge-meta-strategy"
"""On such an object: how its labels and annotations go together with those of the other."""

# Annotations that we set.
NOT_CONVERTED: Final = f"{GROUP}/not-converted"
"""On such an object: the fields of the Prometheus one that nothing stands for."""
SOURCE_GONE: Final = f"{GROUP}/source-gone"
"""On such an object: the kind of the Prometheus one, which has gone while this stays."""
