"""Services: as the API server completes them, and what the user's own leave to ours."""

from typing import Any

import pytest

from test.desired.test_vmagent import inputs, objects

BASE: dict[str, Any] = {
    "type": "ClusterIP",
    "selector": {
        "app.kubernetes.io/component": "monitoring",
        "app.kubernetes.io/instance": "main",
        "app.kubernetes.io/name": "vmagent",
        "managed-by": "vm-operator",
    },
    "ports": [{"name": "http", "protocol": "TCP", "port": 8429, "targetPort": 8429}],
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
}
CLUSTER = {"externalTrafficPolicy": "Cluster"}
FIVE = {"clientIP": {"timeoutSeconds": 5}}
LOCAL = {"externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"}


@pytest.mark.parametrize(
    ("spec", "given", "more"),
    [
        ({}, {}, {}),
        ({}, {"type": "NodePort"}, {"type": "NodePort", **CLUSTER}),
        ({}, {"type": "LoadBalancer"}, {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": True, **CLUSTER}),
        (
            {},
            {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, **LOCAL},
            {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, **LOCAL},
        ),
        ({}, {"externalIPs": ["1.2.3.4"]}, {"externalIPs": ["1.2.3.4"], **CLUSTER}),
        (
            {},
            {"sessionAffinity": "ClientIP"},
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}},
        ),
        (
            {},
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": FIVE},
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": FIVE},
        ),
        ({}, {"sessionAffinityConfig": FIVE}, {}),
        (
            {},
            {"ports": [{"name": "web", "port": 80}]},
            {"ports": [{"name": "web", "port": 80, "protocol": "TCP", "targetPort": 80}, *BASE["ports"]]},
        ),
        (
            {},
            {"ports": [{"name": "http", "port": 81, "protocol": "UDP", "targetPort": 9}]},
            {"ports": [{"name": "http", "port": 81, "protocol": "UDP", "targetPort": 9}]},
        ),
        ({}, {"selector": {"x": "y"}}, {}),
        ({"statefulMode": True}, {}, {"clusterIP": "None"}),
        ({"statefulMode": True}, {"type": "NodePort"}, {"type": "NodePort", **CLUSTER}),
        ({"statefulMode": True}, {"publishNotReadyAddresses": False}, {"clusterIP": "None"}),
        ({"port": "http"}, {}, {"ports": [{"name": "http", "protocol": "TCP", "port": 0, "targetPort": "http"}]}),
    ],
)
def test_the_main_service(spec: dict[str, Any], given: dict[str, Any], more: dict[str, Any]) -> None:
    own = {"serviceSpec": {"useAsDefault": True, "metadata": {"annotations": {"a": "b"}}, "spec": given}}
    built = objects(inputs({**spec, **(own if given else {})}))["Service/vmagent-main"]
    # A false that nobody sees is none.
    assert {key: value for key, value in built["spec"].items() if value is not False or key in more} == BASE | more
    assert built["metadata"].get("annotations") == ({"a": "b"} if given else None)


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {}),
        ({"clusterIP": "None"}, {"clusterIP": "None"}),
        ({"type": "ExternalName", "externalName": "x"}, {"type": "ExternalName", "externalName": "x"}),
        (
            {"selector": {"x": "y"}, "ports": [{"name": "p", "port": 1}], "type": "NodePort"},
            {
                "selector": {"x": "y"},
                "ports": [{"name": "p", "port": 1, "protocol": "TCP", "targetPort": 1}],
                "type": "NodePort",
                **CLUSTER,
            },
        ),
    ],
)
def test_a_service_beside_it(given: dict[str, Any], more: dict[str, Any]) -> None:
    metadata = {"name": "own", "labels": {"l": "m", "managed-by": "me"}, "annotations": {"a": "b"}}
    made = objects(inputs({"statefulMode": True, "serviceSpec": {"metadata": metadata, "spec": given}}))
    assert made["Service/vmagent-main"]["spec"] == {**BASE, "clusterIP": "None"}
    built = made["Service/own"]
    wanted = BASE | more
    if wanted["type"] == "ExternalName":
        wanted = {key: value for key, value in wanted.items() if key != "internalTrafficPolicy"}
    assert built["spec"] == wanted
    seal = {"operator.victoriametrics.com/additional-service": "managed"}
    assert built["metadata"]["labels"] == {"l": "m", **BASE["selector"], **seal}
    assert built["metadata"]["annotations"] == {"a": "b"}
    governing = made["StatefulSet/vmagent-main"]["spec"]["serviceName"]
    assert governing == ("own" if given.get("clusterIP") == "None" else "")


def test_a_service_beside_it_has_a_name_without_being_given_one() -> None:
    assert "Service/vmagent-main-additional-service" in objects(inputs({"serviceSpec": {"spec": {}}}))


def test_each_protocol_of_insertion_has_its_ports() -> None:
    ports = {"graphitePort": "2003", "influxPort": "8086", "openTSDBPort": "4242", "openTSDBHTTPPort": "4243"}
    built = objects(inputs({"insertPorts": ports}))["Service/vmagent-main"]["spec"]["ports"]
    assert [(port["name"], port["protocol"], port["port"], port["targetPort"]) for port in built[1:]] == [
        ("graphite-tcp", "TCP", 2003, 2003),
        ("graphite-udp", "UDP", 2003, 2003),
        ("influx-tcp", "TCP", 8086, 8086),
        ("influx-udp", "UDP", 8086, 8086),
        ("opentsdb-tcp", "TCP", 4242, 4242),
        ("opentsdb-udp", "UDP", 4242, 4242),
        ("opentsdb-http", "TCP", 4243, 4243),
    ]
