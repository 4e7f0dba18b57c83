"""Security contexts: strict where that is asked for, what the user says in its place, and nobody's ids on OpenShift."""

from typing import Any

import pytest

from test.scrape.cases import agent, settings
from vmagent_operator.desired import security
from vmagent_operator.desired.vmagent import features
from vmagent_operator.settings import Server

USER = {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 65534}
POLICY = {"fsGroupChangePolicy": "OnRootMismatch"}
PROFILE = {"seccompProfile": {"type": "RuntimeDefault"}}
STRICT = {
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
OURS = {"useStrictSecurity": True}
GIVEN = {"runAsUser": 5, "fsGroup": 6, "privileged": True, "seccompProfile": {"type": "Unconfined"}}


@pytest.mark.parametrize(
    ("spec", "env", "version", "pod", "container"),
    [
        ({}, {}, (1, 36), {}, None),
        (OURS, {}, (1, 36), {**USER, **POLICY, **PROFILE, "fsGroup": 65534}, STRICT | USER),
        (OURS, {}, (1, 20), {**USER, **POLICY, **PROFILE, "fsGroup": 65534}, STRICT | USER),
        (OURS, {}, (1, 19), {**USER, **PROFILE, "fsGroup": 65534}, STRICT | USER),
        ({**OURS, "daemonSetMode": True}, {}, (1, 36), {**POLICY, **PROFILE, "fsGroup": 65534}, STRICT | USER),
        ({}, {"VM_ENABLESTRICTSECURITY": "true"}, (1, 19), {**USER, **PROFILE, "fsGroup": 65534}, STRICT | USER),
        ({"useStrictSecurity": False}, {"VM_ENABLESTRICTSECURITY": "true"}, (1, 36), {}, None),
        (
            OURS,
            {"VM_OPENSHIFT_COMPATIBILITY": "enabled"},
            (1, 36),
            {"runAsNonRoot": True, **PROFILE},
            STRICT | {"runAsNonRoot": True},
        ),
        ({**OURS, "securityContext": {}}, {}, (1, 36), {}, {}),
        (
            {**OURS, "securityContext": GIVEN},
            {"VM_OPENSHIFT_COMPATIBILITY": "enabled"},
            (1, 19),
            {key: GIVEN[key] for key in ("runAsUser", "fsGroup", "seccompProfile")},
            {key: GIVEN[key] for key in ("runAsUser", "privileged", "seccompProfile")},
        ),
    ],
)
def test_security_contexts(
    spec: dict[str, Any],
    env: dict[str, str],
    version: tuple[int, int],
    pod: dict[str, Any],
    container: dict[str, Any] | None,
) -> None:
    component = features.component(agent(spec), settings(**env), Server(version=version))
    assert (security.pod(component), security.container(component)) == (pod, container)


@pytest.mark.parametrize(
    ("said", "is_one", "leaves"),
    [("auto", False, False), ("auto", True, True), ("enabled", False, True), ("disabled", True, False)],
)
def test_ids_are_left_to_openshift_where_it_is_one_unless_the_settings_know_better(
    said: str, is_one: bool, leaves: bool
) -> None:
    environ = settings(VM_OPENSHIFT_COMPATIBILITY=said)
    component = features.component(agent(OURS), environ, Server(openshift=is_one))
    assert ("runAsUser" not in security.pod(component)) is leaves
