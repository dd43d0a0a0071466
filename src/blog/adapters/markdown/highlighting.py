"""Blocks of code, whose words get classes by which a page can colour them. The classes are those of Pygments."""

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from typing import Final

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from .budget import Budget

LANGUAGES: Final = frozenset(
    [
        "bash",
        "c",
        "clojure",
        "cpp",
        "css",
        "dart",
        "diff",
        "docker",
        "elixir",
        "erlang",
        "go",
        "graphql",
        "haskell",
        "html",
        "java",
        "javascript",
        "json",
        "kotlin",
        "lua",
        "nginx",
        "perl",
        "php",
        "postgresql",
        "powershell",
        "protobuf",
        "pycon",
        "python",
        "ruby",
        "rust",
        "scss",
        "sql",
        "sqlite3",
        "swift",
        "tcl",
        "toml",
        "tsx",
        "typescript",
        "vue",
        "xml",
        "yaml",
        "zig",
    ]
)
"""Names of lexers. Words of a block in another language get no classes: each lexer stays loaded, and must be quick on
any text. Those of Scala, C# and Terraform are not, among others.
"""

_ALIASES: Final = {
    "c++": "cpp",
    "dockerfile": "docker",
    "golang": "go",
    "hs": "haskell",
    "js": "javascript",
    "jsx": "tsx",
    "kt": "kotlin",
    "py": "python",
    "py3": "python",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "ts": "typescript",
    "yml": "yaml",
    "zsh": "bash",
}

_SLOW: Final = frozenset({"c", "cpp", "java"})
"""Lexers whose time grows with the cube of a row of line breaks."""

MAX_BLOCK: Final = 3000
"""Characters of a block that gets classes. The slowest lexer takes 0.2 s for any of them."""
_MAX_SLOW_BLOCK: Final = 1500
MAX_CODE: Final = 12_000
"""Characters of all blocks of a text that get classes."""

_is_name: Final = re.compile(r"[a-z0-9+#.-]{1,30}", re.ASCII).fullmatch
"""Returns a match of the name of a language that may stand in a class. A script of the page can highlight by it."""


class Highlighter:
    """Writes the blocks of code of one text.

    Args:
        budget: bounds the steps. A word is two steps.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._left = MAX_CODE

    def html_of(self, code: str, info: str) -> str:
        """Return the HTML of a block.

        Args:
            code: the code.
            info: what the author has written after the fence. Its first word is the language.

        Raises:
            BudgetExceeded.
        """
        word = info.split(maxsplit=1)[0].lower() if info.strip() else ""
        language = _ALIASES.get(word, word)
        if language not in LANGUAGES:
            name = f' class="language-{word}"' if _is_name(word) else ""
            return f'<pre tabindex="0"><code{name}>{escape(code, quote=False)}</code></pre>\n'
        html = escape(code, quote=False)
        if len(code) <= min(_MAX_SLOW_BLOCK if language in _SLOW else MAX_BLOCK, self._left):
            self._left -= len(code)
            html = "".join(self._words(code, _lexer(language)))
        return f'<pre class="highlight" tabindex="0"><code class="language-{language}">{html}</code></pre>\n'

    def _words(self, code: str, lexer: Lexer) -> Iterator[str]:
        for kind, word in lexer.get_tokens(code):
            self._budget.spend(2)
            name, text = STANDARD_TYPES.get(kind, ""), escape(word, quote=False)
            yield f'<span class="{name}">{text}</span>' if name else text


@lru_cache(maxsize=len(LANGUAGES))
def _lexer(language: str) -> Lexer:
    lexer: Lexer = get_lexer_by_name(language, stripnl=False)
    return lexer
