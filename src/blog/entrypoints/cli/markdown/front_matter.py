"""A post as a Markdown file: what is said of it in YAML between two lines of `---`, then its body, exactly.

Files of other programs are taken apart, too: front matter in TOML stands between lines of `+++`.
"""

import math
import re
from datetime import UTC, datetime
from enum import Enum
from typing import Final, NamedTuple

import yaml

from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import content_of
from blog.domain.search.tokenizer import normalize

HEAD_LONGEST: Final = 10_000
"""Characters of front matter: twice as many as the longest title and name take, however they are written."""
SLUG_LONGEST: Final = 60

HEAD: Final = "front matter"
"""What faults of the front matter as a whole are told of."""

_front_matter = re.compile(
    r"\ufeff?(?P<line>---|\+\+\+)[ \t]*\r?\n(?P<head>.*?)^(?P=line)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_like_front_matter = re.compile(
    r"\ufeff?\s*(?:---|\+\+\+|\{\s*[\"}]|(?:title|date|author|layout|category|tags|slug)[ \t]*:)", re.IGNORECASE
)
"""Begun and not ended, JSON, or lines without a beginning, which would be taken for the body otherwise."""
_file_name = re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z(?:-\d{4,})?,[0-9a-z_.@+\-]+,[0-9a-z\-]+\.md")
_word = re.compile("[0-9a-z]+")
_break = re.compile(r"[\t\n\r\u2028\u2029]")


class Kind(Enum):
    """How the front matter of a file is written."""

    YAML = "---"
    TOML = "+++"
    NONE = ""


class Parts(NamedTuple):
    """A file taken apart."""

    head: str
    body: str
    kind: Kind


class _Dumper(yaml.SafeDumper):
    """Writes a text such that nobody reads it as anything else, on one line, with its tabs and line breaks in sight."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _break.search(text) else None)


_Dumper.add_representer(str, _represent)


def text_of(manuscript: PortablePost) -> str:
    """Return the file of a post. It omits the id, because ids belong to one blog, and the ordinal where it is 1."""
    content = {
        name: value for name, value in content_of(manuscript).items() if name == "title" or (value and name != "body")
    }
    texts = {**content, "author": manuscript.author}
    head = yaml.dump(texts, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    head += f"created_at: {_utc(manuscript.created_at)}\nupdated_at: {_utc(manuscript.updated_at)}\n"
    head += f"version: {manuscript.version}\n"
    if manuscript.ordinal != 1:
        head += f"ordinal: {manuscript.ordinal}\n"
    return f"---\n{head}---\n{manuscript.body}"


def file_name(manuscript: PortablePost) -> str:
    """What its file is called: unlike any other's, at most 245 characters of ASCII that no file system minds, and
    sorted by when posts were written. No author and no slug has a comma in it.
    """
    at = _utc(manuscript.created_at).replace(":", "")
    ordinal = "" if manuscript.ordinal == 1 else f"-{manuscript.ordinal:04}"
    slug = "-".join(_word.findall(normalize(manuscript.title)))[:SLUG_LONGEST].strip("-")
    return f"{at}{ordinal},{manuscript.author.lower()},{slug or 'post'}.md"


def is_file_name(name: str) -> bool:
    """Whether a file could be one that was written for a post."""
    return _file_name.fullmatch(name) is not None


def split_front_matter(text: str) -> Parts:
    """Take a file apart into front matter and body. Where all lines of the one end in CRLF, that is how the file is
    written, and its body's are taken for simple line breaks.

    Raises:
        ValidationFailed: something begins as front matter does, and is none.
    """
    found = _front_matter.match(text)
    if not found:
        if _like_front_matter.match(text):
            raise ValidationFailed(
                [FieldError(HEAD, "must begin with a line --- at the top of the file, and end with another")]
            )
        body = text.removeprefix("\ufeff")
        return Parts("", _with_simple_breaks(body, body), Kind.NONE)
    if len(found["head"]) > HEAD_LONGEST:
        raise ValidationFailed([FieldError(HEAD, f"must have at most {HEAD_LONGEST} characters")])
    return Parts(found["head"], _with_simple_breaks(text[found.end() :], found[0]), Kind(found["line"]))


def _with_simple_breaks(body: str, sample: str) -> str:
    is_crlf = sample.count("\n") == sample.count("\r\n")
    return body.replace("\r\n", "\n") if is_crlf else body


def _utc(at: datetime) -> str:
    """As RFC 3339 has it, and always of one length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
