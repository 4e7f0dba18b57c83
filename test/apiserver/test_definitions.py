"""CustomResourceDefinitions that go: not before the last of their objects, which may take its time."""

from test.apiserver.api import Api
from test.apiserver.loading import load
from test.apiserver.memory import Memory
from test.apiserver.test_memory import send
from vmagent_operator.api.crd import manifest
from vmagent_operator.api.kinds import VMSTATICSCRAPE

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/vmstaticscrapes.operator.victoriametrics.com"
OBJECTS = "/apis/operator.victoriametrics.com/v1beta1/namespaces/default/vmstaticscrapes"
HELD = {
    "apiVersion": "operator.victoriametrics.com/v1beta1",
    "kind": "VMStaticScrape",
    "metadata": {"name": "held", "namespace": "default", "finalizers": ["example.com/hold"]},
    "spec": {"targetEndpoints": []},
}


def test_a_definition_waits_for_an_object_that_somebody_holds() -> None:
    api = Api()
    load(api, [manifest(VMSTATICSCRAPE)])
    api.settle()
    load(api, [HELD, HELD | {"metadata": {"name": "free", "namespace": "default"}}])
    face = Memory(api)
    assert send(face, "DELETE", CRD)[0] == 200
    assert send(face, "GET", f"{OBJECTS}/free")[0] == 404
    assert "deletionTimestamp" in send(face, "GET", f"{OBJECTS}/held")[1]["metadata"]
    assert send(face, "GET", CRD)[0] == 200
    held = send(face, "GET", f"{OBJECTS}/held")[1]
    assert send(face, "PUT", f"{OBJECTS}/held", held | {"metadata": held["metadata"] | {"finalizers": []}})[0] == 200
    assert send(face, "GET", CRD)[0] == 404
