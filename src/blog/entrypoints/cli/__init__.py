"""The command line of the blog.

A command imports its modules when it runs, so that `--help` is fast.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from blog.domain.errors import BlogError, Unavailable
from blog.settings import SettingError, Settings, service_variables, unknown_settings

from .parser import parse_arguments
from .printing import print_error
from .streams import prepare_streams

_SETTINGS = ("database_url", "host", "port", "uds", "root_path", "threads", "workers", "migrate")
"""The settings that are options too."""
_SERVING: Final = {"commands.serve", "commands.demo"}
"""The modules of the commands that serve. With a misspelt setting, they would serve an empty database."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit status."""
    prepare_streams()
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    module, _, command = options.pop("command").partition(":")
    given = {name: options.pop(name, None) for name in _SETTINGS}
    try:
        _check_unknown_settings(serves=module in _SERVING)
        settings = Settings.read(os.environ, **given)
        run = getattr(import_module(f"{__name__}.{module}"), command)
        status: int | None = run(settings, **options)
        sys.stdout.flush()
    except SettingError as error:
        print_error(str(error))
        return 2
    except BrokenPipeError:  # the reader of the output, such as `head`, has ended
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


def _check_unknown_settings(*, serves: bool) -> None:
    """Print the variables that look like settings and are none.

    Raises:
        SettingError: the command must not run with them.
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
