"""A system that is told nothing works as a process without flags does."""

import threading

from vmagent_operator import settings
from vmagent_operator.cli import flags
from vmagent_operator.cli.process import Process
from vmagent_operator.controller.manager import Timing
from vmagent_operator.controller.system import Options


def test_every_default_is_that_of_the_flag() -> None:
    process = Process(flags.parse([]), settings.load({}), {}, threading.Event())
    assert process._options() == Options()


def test_so_is_every_time_that_starting_and_stopping_may_take() -> None:
    given = flags.parse([])
    assert Timing() == Timing(
        workers=given["controller.maxConcurrentReconciles"],
        sync_seconds=given["controller.cacheSyncTimeout"],
        stop_seconds=given["graceful-shutdown-timeout"],
        is_warm=given["controller.warmStandby"],
        releases_lease=given["leader-elect-release-on-cancel"],
        default_version=(given["default.kubernetesVersion.major"], given["default.kubernetesVersion.minor"]),
    )
