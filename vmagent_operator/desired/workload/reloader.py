"""The containers that bring the configuration into the pod: `config-init` before, `config-reloader` beside vmagent.

They read the configuration Secret through the API, write it where vmagent reads it, watch mounted directories, and call
vmagent's reload address.
"""

from collections.abc import Sequence

from vmagent_operator.desired import args, image, listener, names, probes, resources
from vmagent_operator.desired.around.configsecret import CONFIG_KEY
from vmagent_operator.desired.vmagent.features import VMAgent, has_reloader, has_secrets, spec
from vmagent_operator.desired.workload import volumes
from vmagent_operator.desired.workload.volumes import Volume
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings

CONFIG_FILE = f"{volumes.CONFIG_OUT_DIRECTORY}/vmagent.yaml"


def init(agent: VMAgent, settings: Settings) -> list[Manifest]:
    """`config-init`, if there is a Secret to read; vmagent does not start without its file."""
    if not has_secrets(agent):
        return []
    arguments = [*_arguments(agent, settings), "--only-init-config"]
    return [_container("config-init", agent, settings, arguments)]


def sidecar(agent: VMAgent, settings: Settings, overflow_count: int) -> list[Manifest]:
    """`config-reloader`, if there is anything to reload."""
    if not has_reloader(agent):
        return []
    watched = [f"--watched-dir={volume.path}" for volume in _watched(agent)]
    # With any target there must be as many as watched directories; an empty one copies nothing.
    targets = ["--target-dir="] * len(watched) if overflow_count else []
    container = _container("config-reloader", agent, settings, [*_arguments(agent, settings), *watched, *targets])
    container |= {
        "ports": [{"name": "reloader-http", "containerPort": probes.RELOADER_PORT, "protocol": "TCP"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **probes.RELOADER,
    }
    if auth := volumes.reload_auth(agent):
        container["args"].append(f"-reload-url-auth-key={reload_key(agent)}")
        container["volumeMounts"].append(auth.mount)
    _add_overflow(container, volumes.overflow(agent, overflow_count))
    return [container]


def reload_key(agent: VMAgent) -> str:
    """Where vmagent and the reloader read the key of the reload address."""
    selector = spec(agent).reloader.config_reload_auth_key_secret
    return f"file://{volumes.RELOAD_AUTH_DIRECTORY}/{selector.key if selector else ''}"


def _container(name: str, agent: VMAgent, settings: Settings, arguments: Sequence[str]) -> Manifest:
    given = spec(agent).reloader.config_reloader_extra_args
    mounts = [volume.mount for volume in _watched(agent)]
    if has_secrets(agent):
        mounts.append(volumes.CONFIG_OUT.writable_mount)
    mounts.sort(key=lambda mount: str(mount["name"]))
    return {
        "name": name,
        "image": image.reloader(agent, settings),
        "args": sorted(args.override(arguments, given, dashes="--")),
        "resources": resources.reloader(agent, settings),
        "volumeMounts": mounts + (volumes.token_mount(agent, mounts) if has_secrets(agent) else []),
    }


def _arguments(agent: VMAgent, settings: Settings) -> list[str]:
    """The arguments of both containers."""
    arguments = [f"--reload-url={listener.reload_url(agent, settings)}", "--webhook-method=POST"]
    if settings.enable_tcp6:
        arguments.append("--enableTCP6")
    if listener.has_proxy_protocol(agent):
        arguments.append("--reload-use-proxy-protocol")
    if has_secrets(agent):
        arguments += [
            f"--config-envsubst-file={CONFIG_FILE}",
            f"--config-secret-name={agent.namespace}/{names.config(agent)}",
            f"--config-secret-key={CONFIG_KEY}",
        ]
    return arguments


def _watched(agent: VMAgent) -> list[Volume]:
    return [*volumes.config_maps(agent), *volumes.rules(agent)]


def _add_overflow(container: Manifest, secrets: Sequence[Volume]) -> None:
    """Let the reloader unpack each overflow Secret into a directory of its own."""
    if secrets:
        container["volumeMounts"] += [volumes.OVERFLOW_OUT.writable_mount, *(secret.mount for secret in secrets)]
    for secret in secrets:
        target = f"{volumes.OVERFLOW_DIRECTORY}/{secret.name}"
        container["args"] += [f"--watched-dir={secret.path}", f"--target-dir={target}"]
