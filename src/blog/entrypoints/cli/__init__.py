"""The blog from the command line, for whoever runs it.

What a command needs is imported when it runs, so that `--help` answers at once.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from blog.domain.errors import BlogError, Unavailable
from blog.settings import SettingError, Settings, service_variables, unknown_settings

from .parser import options_in
from .printing import print_error
from .streams import prepare_streams

_SETTINGS = ("database_url", "host", "port", "uds", "root_path", "threads", "workers", "migrate")
"""Those that are options too."""
_SERVING: Final = {"commands.serve", "commands.demo"}
"""The modules of the commands that serve: beside a misspelt setting, they would make an empty database and serve it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give the status that the process ends with."""
    prepare_streams()
    options = options_in(sys.argv[1:] if arguments is None else arguments)
    module, _, command = options.pop("command").partition(":")
    given = {name: options.pop(name, None) for name in _SETTINGS}
    try:
        _look_for_unknown_settings(serves=module in _SERVING)
        settings = Settings.read(os.environ, **given)
        run = getattr(import_module(f"{__name__}.{module}"), command)
        status: int | None = run(settings, **options)
        sys.stdout.flush()
    except SettingError as error:
        print_error(str(error))
        return 2
    except BrokenPipeError:  # whoever read our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print_error(f"{error.strerror}: {error.filename}" if error.filename else str(error))
        return 1
    except BlogError as error:
        print_error(error.explained if isinstance(error, Unavailable) else str(error))
        return 1
    except KeyboardInterrupt:
        print_error("stopped")
        return 130
    return status or 0


def _look_for_unknown_settings(*, serves: bool) -> None:
    """Say which variables are no settings, as far as the command can run beside them.

    Raises:
        SettingError: it cannot.
    """
    others = service_variables(os.environ)
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        print_error(
            f"{others[0]}{more}: left out, as Kubernetes sets them for a service; enableServiceLinks: false ends that"
        )
    unknown = unknown_settings(os.environ)
    wrong = [each for each in unknown if serves or each.meant]
    if wrong:
        raise SettingError("; ".join(str(each) for each in wrong))
    for each in unknown:
        print_error(str(each))
