"""The containers that bring the configuration into the pod: `config-init` before, `config-reloader` beside the application.

They read the configuration Secret through the API, write it where the application reads it, watch mounted directories,
and call the application's reload address.
"""

from collections.abc import Sequence

from attrs import frozen

from vmagent_operator.api.apps import ReloaderParams
from vmagent_operator.desired import args, image, listener, names, probes, resources
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.workload import volumes
from vmagent_operator.desired.workload.volumes import Volume
from vmagent_operator.model.decode import Manifest


@frozen(kw_only=True)
class Reloader:
    """What a component has reloaded.

    has_secret: whether there is a configuration Secret to read. rules: the operator's own ConfigMaps to watch.
    overflow_count: how many overflow Secrets there are.
    """

    component: Component
    params: ReloaderParams
    has_secret: bool
    rules: Sequence[Volume] = ()
    overflow_count: int = 0


def init(reloader: Reloader) -> list[Manifest]:
    """`config-init`, if there is a Secret to read; the application does not start without its file."""
    if not reloader.has_secret:
        return []
    return [_container("config-init", reloader, [*_arguments(reloader), "--only-init-config"])]


def sidecar(reloader: Reloader) -> Manifest:
    """`config-reloader`."""
    watched = [f"--watched-dir={volume.path}" for volume in _watched(reloader)]
    # With any target there must be as many as watched directories; an empty one copies nothing.
    targets = ["--target-dir="] * len(watched) if reloader.overflow_count else []
    container = _container("config-reloader", reloader, [*_arguments(reloader), *watched, *targets])
    container |= {
        "ports": [{"name": "reloader-http", "containerPort": probes.RELOADER_PORT, "protocol": "TCP"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **probes.RELOADER,
    }
    for auth in volumes.reload_auth(reloader.params):
        container["args"].append(f"-reload-url-auth-key={key_file(reloader.params)}")
        container["volumeMounts"].append(auth.mount)
    _add_overflow(container, volumes.overflow(reloader.component, reloader.overflow_count))
    return container


def key_file(params: ReloaderParams) -> str:
    """Where application and reloader read the key of the reload address."""
    selector = params.config_reload_auth_key_secret
    return f"file://{volumes.RELOAD_AUTH_DIRECTORY}/{selector.key if selector else ''}"


def key_argument(params: ReloaderParams) -> list[str]:
    """The application's argument for that key, if there is one."""
    return [f"-reloadAuthKey={key_file(params)}"] if params.config_reload_auth_key_secret else []


def _container(name: str, reloader: Reloader, arguments: Sequence[str]) -> Manifest:
    component, params = reloader.component, reloader.params
    mounts = [volume.mount for volume in _watched(reloader)]
    if reloader.has_secret:
        mounts.append(volumes.config_out(component).writable_mount)
    mounts.sort(key=lambda mount: str(mount["name"]))
    return {
        "name": name,
        "image": image.reloader(params, component.settings),
        "args": sorted(args.override(arguments, params.config_reloader_extra_args, dashes="--")),
        "resources": resources.reloader(component, params.config_reloader_resources),
        "volumeMounts": mounts + (volumes.token_mount(component, mounts) if reloader.has_secret else []),
    }


def _arguments(reloader: Reloader) -> list[str]:
    """The arguments of both containers."""
    component, app = reloader.component, reloader.component.app
    has_key_file = reloader.params.config_reload_auth_key_secret is not None
    url = listener.reload_url(component, has_key_file=has_key_file)
    arguments = [f"--reload-url={url}", "--webhook-method=POST"]
    if component.settings.enable_tcp6:
        arguments.append("--enableTCP6")
    if listener.has_proxy_protocol(component):
        arguments.append("--reload-use-proxy-protocol")
    if reloader.has_secret:
        arguments += [
            f"--config-envsubst-file={app.config_path}",
            f"--config-secret-name={component.namespace}/{names.config(component)}",
            f"--config-secret-key={app.config_key}",
        ]
    return arguments


def _watched(reloader: Reloader) -> list[Volume]:
    return [*volumes.config_maps(reloader.component), *reloader.rules]


def _add_overflow(container: Manifest, secrets: Sequence[Volume]) -> None:
    """Let the reloader unpack each overflow Secret into a directory of its own."""
    if secrets:
        container["volumeMounts"] += [volumes.OVERFLOW_OUT.writable_mount, *(secret.mount for secret in secrets)]
    for secret in secrets:
        target = f"{volumes.OVERFLOW_DIRECTORY}/{secret.name}"
        container["args"] += [f"--watched-dir={secret.path}", f"--target-dir={target}"]
