"""A post as a Markdown file: front matter in YAML between two lines of `---`, and then the exact body.

Files of other tools are split too: their front matter may be TOML between lines of `+++`.
"""

import math
import re
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import PostContent, content_of
from blog.domain.search.tokenizer import normalize

MAX_HEAD_LENGTH: Final = 30_000
"""Characters of front matter: twice as many as the longest title, slug, tags and username need, in any spelling."""
MAX_SLUG_LENGTH: Final = 60

REVISIONS_SUFFIX: Final = ".revisions"
"""The suffix of a folder of earlier versions."""

HEAD: Final = "front matter"
"""The field of errors in the front matter as a whole."""

_front_matter = re.compile(
    r"\ufeff?(?P<line>---|\+\+\+)[ \t]*\r?\n(?P<head>.*?)^(?P=line)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_like_front_matter = re.compile(
    r"\ufeff?\s*(?:---|\+\+\+|\{\s*[\"}]|(?:title|date|author|layout|category|tags|slug)[ \t]*:)", re.IGNORECASE
)
"""Front matter without an end, in JSON, or without its first line. It would otherwise be imported as the body."""
_file_name = re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z(?:-\d{4,})?,[0-9a-z_.@+\-]+,[0-9a-z\-]+\.md")
_revision_name = re.compile(r"[1-9]\d{0,15}\.md", re.ASCII)
_word = re.compile("[0-9a-z]+")
_break = re.compile(r"[\t\n\r\u2028\u2029]")


class Kind(Enum):
    """The format of front matter."""

    YAML = "---"
    TOML = "+++"
    NONE = ""


class Parts(NamedTuple):
    """A file, split into front matter and body."""

    head: str
    body: str
    kind: Kind


class _Dumper(yaml.SafeDumper):
    """Writes a text on one line, with tabs and line breaks escaped, so that every YAML parser reads it as a text."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _break.search(text) else None)


def _represent_tags(dumper: yaml.SafeDumper, tags: tuple[str, ...]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", tags, flow_style=True)


_Dumper.add_representer(str, _represent)
_Dumper.add_representer(tuple, _represent_tags)


def format_post(post: PortablePost) -> str:
    """Return the file of a post. It omits the id, because ids belong to one blog, the ordinal where it is 1, and the
    publication time where it is the creation time.
    """
    head = format_content(post, author=post.author)
    head += f"created_at: {format_time(post.created_at)}\nupdated_at: {format_time(post.updated_at)}\n"
    if post.published_at is None:
        head += "draft: true\n"
    elif post.published_at != post.created_at:
        head += f"published_at: {format_time(post.published_at)}\n"
    head += f"version: {post.version}\n"
    if post.ordinal != 1:
        head += f"ordinal: {post.ordinal}\n"
    return f"---\n{head}---\n{post.body}"


def format_content(content: PostContent, **more: str) -> str:
    """Return the lines of front matter for what the author writes, without the body and without what is empty. `more`
    are further members.
    """
    members = content_of(content).items()
    texts = {name: value for name, value in members if name == "title" or (value and name != "body")}
    return yaml.dump({**texts, **more}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)


def file_name(post: PortablePost) -> str:
    """Return the unique name of a post's file.

    It has at most 245 ASCII characters that are valid on every file system, and sorts by `created_at`. Neither authors
    nor slugs contain a comma.
    """
    at = format_time(post.created_at).replace(":", "")
    ordinal = "" if post.ordinal == 1 else f"-{post.ordinal:04}"
    slug = "-".join(_word.findall(normalize(post.title)))[:MAX_SLUG_LENGTH].strip("-")
    return f"{at}{ordinal},{post.author.lower()},{slug or 'post'}.md"


def revisions_folder(file: Path) -> Path:
    """Return the folder of the earlier versions of a post, beside its file."""
    return file.with_suffix(REVISIONS_SUFFIX)


def revision_name(revision: PortablePost) -> str:
    """Return the name of the file of an earlier version."""
    return f"{revision.version}.md"


def is_revision_name(name: str) -> bool:
    """Return whether a name is one that an export gives to the file of an earlier version."""
    return _revision_name.fullmatch(name) is not None


def is_file_name(name: str) -> bool:
    """Return whether a name is one that an export gives to files."""
    return _file_name.fullmatch(name) is not None


def split_front_matter(text: str) -> Parts:
    """Split a file into front matter and body. If the front matter has CRLF only, the body is converted to LF.

    Raises:
        ValidationFailed: the file begins like front matter, and has none.
    """
    found = _front_matter.match(text)
    if not found:
        if _like_front_matter.match(text):
            raise ValidationFailed(
                [FieldError(HEAD, "must begin with a line --- at the top of the file, and end with another")]
            )
        body = text.removeprefix("\ufeff")
        return Parts("", _to_lf(body, body), Kind.NONE)
    if len(found["head"]) > MAX_HEAD_LENGTH:
        raise ValidationFailed([FieldError(HEAD, f"must have at most {MAX_HEAD_LENGTH} characters")])
    return Parts(found["head"], _to_lf(text[found.end() :], found[0]), Kind(found["line"]))


def _to_lf(body: str, sample: str) -> str:
    is_crlf = sample.count("\n") == sample.count("\r\n")
    return body.replace("\r\n", "\n") if is_crlf else body


def format_time(at: datetime) -> str:
    """Return a time in RFC 3339, always with the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
