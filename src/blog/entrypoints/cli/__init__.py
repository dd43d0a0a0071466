"""The blog from the command line, for whoever runs it.

What a command needs is imported when it runs, so that `--help` answers at once.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from blog.domain.errors import BlogError
from blog.settings import SettingError, Settings, unknown_settings

from .parser import parser
from .printing import say

_SETTINGS = ("database_url", "host", "port", "root_path", "threads", "workers", "migrate")
"""Those that are options too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give the status that the process ends with."""
    options = vars(parser().parse_args(arguments))
    module, _, command = options.pop("command").partition(":")
    given = {name: options.pop(name, None) for name in _SETTINGS}
    for name in unknown_settings(os.environ):
        say(f"{name} is set, but there is no such setting")
    try:
        settings = Settings.read(os.environ, **given)
        run = getattr(import_module(f"{__name__}.{module}"), command)
        status: int | None = run(settings, **options)
        sys.stdout.flush()
    except SettingError as error:
        say(str(error))
        return 2
    except BrokenPipeError:  # whoever read our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        say(f"{error.strerror}: {error.filename}" if error.filename else str(error))
        return 1
    except BlogError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    return status or 0
