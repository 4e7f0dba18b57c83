"""Settings from the environment."""

import pytest

from vmagent_operator.settings import VARIABLES, SettingsError, load, unknown
from vmagent_operator.texts import duration


def test_defaults() -> None:
    settings = load({})
    assert settings.config_reloader_image == "victoriametrics/operator:config-reloader-v0.74.1"
    assert settings.apps["vmagent"].version == "v1.150.0"
    assert settings.apps["vmagent"].limits == {"memory": "500Mi", "cpu": "200m"}
    assert settings.config_reloader_limits == {}
    assert settings.watch_namespaces == ()
    assert settings.force_resync_interval_seconds == 60


@pytest.mark.parametrize(
    ("environ", "attribute", "value"),
    [
        ({"WATCH_NAMESPACE": " b, a ,b"}, "watch_namespaces", ("b", "a")),
        ({"VM_COMMON_LABELS": "a=b,c=d=e"}, "common_labels", {"a": "b", "c": "d=e"}),
        ({"VM_METRICS_VERSION": "v2"}, "apps.vmagent.version", "v2"),
        ({"VM_OPERATOR_VERSION": "v3"}, "config_reloader_image", "victoriametrics/operator:config-reloader-v3"),
        (
            {"VM_CUSTOMCONFIGRELOADERIMAGE": "old", "VM_CONFIG_RELOADER_IMAGE": "new"},
            "config_reloader_image",
            "old",
        ),
        ({"VM_VMAGENTDEFAULT_RESOURCE_LIMIT_CPU": "unlimited"}, "apps.vmagent.limits", {"memory": "500Mi"}),
        ({"VM_ENABLETCP6": "T"}, "enable_tcp6", True),
        ({"VM_ENABLETCP6": ""}, "enable_tcp6", False),
        ({"VM_APPREADYTIMEOUT": "1m30s"}, "app_ready_timeout_seconds", 90),
    ],
)
def test_variable(environ: dict[str, str], attribute: str, value: object) -> None:
    setting, _, default = attribute.partition(".")
    found = getattr(load(environ), setting)
    if default:
        app, _, default = default.partition(".")
        found = getattr(found[app], default)
    assert found == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("WATCH_NAMESPACE", "ok,Not_ok", "'Not_ok' is no namespace name"),
        ("VM_ENABLETCP6", "yes", "expected true or false"),
        ("VM_APPREADYTIMEOUT", "80", "expected a duration such as 1m30s"),
        ("VM_FORCERESYNCINTERVAL", "-1s", "expected a duration that is not negative"),
        ("VM_COMMON_LABELS", "a", "expected a list such as key=value,key2=value2"),
        ("VM_CONFIG_DATA_BUDGET_BYTES", "1k", "expected a whole number"),
        ("VM_CONFIG_RELOADER_LIMIT_CPU", "lots", "expected a quantity such as 200Mi, or unlimited"),
        ("VM_OPENSHIFT_COMPATIBILITY", "on", "expected auto, enabled or disabled"),
    ],
)
def test_fault_names_the_variable(name: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({name: text})
    assert str(caught.value) == f"{name}: {message}"


def test_typing_errors_are_told_from_variables_of_other_components() -> None:
    environ = {"VM_ENABLE_TCP6": "1", "VM_VMALERTDEFAULT_PORT": "1", "VM_LOOPBACK": "x", "HOME": "/"}
    assert unknown(environ) == ("VM_ENABLE_TCP6",)


def test_durations() -> None:
    assert [duration(text) for text in ("0", "1h0m0s", "500ms", "1.5m")] == [0, 3600, 0.5, 90]


def test_each_variable_is_described_once() -> None:
    names = [variable.name for variable in VARIABLES]
    assert len(set(names)) == len(names)
    assert all(variable.doc for variable in VARIABLES)
