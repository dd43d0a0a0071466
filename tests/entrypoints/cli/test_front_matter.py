"""Front matter: writing and reading the file of a post."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePath

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import MAX_VERSION, PortablePost
from blog.domain.posts.post import MAX_TITLE_LENGTH, validate_post
from blog.domain.posts.slug import MAX_SLUG_LENGTH, slug_of
from blog.domain.posts.tags import MAX_TAG_LENGTH, MAX_TAGS, tag_key, validate_tag
from blog.entrypoints.cli.markdown.front_matter import (
    MAX_HEAD_LENGTH,
    Kind,
    Parts,
    file_name,
    format_post,
    is_file_name,
    split_front_matter,
)
from blog.entrypoints.cli.markdown.parsed_files import ImportOptions, parse_file

NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
HELLO = PortablePost(title="Hello", body="World", author="alice", created_at=NOON, updated_at=NOON, published_at=NOON)

slugs = st.none() | st.text(min_size=1, max_size=90).map(slug_of).filter(bool)
tags = st.lists(
    st.text(min_size=1, max_size=MAX_TAG_LENGTH).filter(lambda tag: not validate_tag("tag", tag)),
    max_size=MAX_TAGS,
    unique_by=tag_key,
).map(tuple)
titles = st.text(min_size=1, max_size=MAX_TITLE_LENGTH).filter(lambda title: not validate_post(title=title))
names = st.text("abAB-._@+1", min_size=1, max_size=150)


def read(text: str, author: str | None = None) -> PortablePost:
    """Parse a valid file."""
    parts = split_front_matter(text)
    draft = parse_file(parts, ImportOptions(author=author), PurePath())
    assert draft.errors == ()
    return replace(draft.post, body=parts.body)


def refused(head: str, author: str | None = None) -> tuple[FieldError, ...]:
    """Return the errors of front matter."""
    try:
        return parse_file(Parts(head, "", Kind.YAML), ImportOptions(author=author), PurePath()).errors
    except ValidationFailed as error:
        return error.errors


def test_the_file_of_a_post_is_readable_markdown() -> None:
    assert format_post(
        replace(HELLO, title="Hello, wörld 🙂", updated_at=NOON + timedelta(microseconds=7), version=2)
    ) == (
        "---\n"
        "title: Hello, wörld 🙂\n"
        "author: alice\n"
        "created_at: 2026-11-23T12:30:00.000000Z\n"
        "updated_at: 2026-11-23T12:30:00.000007Z\n"
        "version: 2\n"
        "---\n"
        "World"
    )
    assert format_post(replace(HELLO, ordinal=3)).endswith("\nversion: 1\nordinal: 3\n---\nWorld")


def test_only_an_unusual_publication_time_is_written() -> None:
    def lines(published_at: datetime | None) -> list[str]:
        return format_post(replace(HELLO, published_at=published_at)).splitlines()[5:-3]

    assert lines(NOON) == []
    assert lines(None) == ["draft: true"]
    assert lines(NOON + timedelta(days=1)) == ["published_at: 2026-11-24T12:30:00.000000Z"]
    assert lines(NOON - timedelta(days=1)) == ["published_at: 2026-11-22T12:30:00.000000Z"]


@pytest.mark.parametrize(
    ("lines", "published_at"),
    [
        ("", NOON),
        ("published_at: 2026-11-24\n", datetime(2026, 11, 24, tzinfo=UTC)),
        ("published_at: 2025-11-24T10:00+01:00\n", datetime(2025, 11, 24, 9, tzinfo=UTC)),
        ("published_at: 2026-11-23\n", NOON),
        ("published_at:\n", NOON),
        ("publishDate: 2027-01-01\n", datetime(2027, 1, 1, tzinfo=UTC)),
        ("draft: true\n", None),
        ("draft: true\npublished_at: 2026-11-24\n", None),
        ("draft: false\npublished_at: 2026-11-24\n", datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_a_file_says_when_a_post_is_published(lines: str, published_at: datetime | None) -> None:
    text = f"---\ntitle: Hello\nauthor: alice\ncreated_at: 2026-11-23T12:30\n{lines}---\nWorld"
    assert read(text) == replace(HELLO, published_at=published_at)


@pytest.mark.parametrize("at", [NOON - timedelta(days=1), NOON + timedelta(days=9000)])
def test_a_post_that_says_only_when_it_is_published_was_created_then(at: datetime) -> None:
    text = f"---\ntitle: Hello\nauthor: alice\npublishDate: {at.isoformat()}\n---\nWorld"
    assert read(text) == replace(HELLO, created_at=at, updated_at=at, published_at=at)


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("no", "'no'"),
        ("~", "'~'"),
        ("null", "'null'"),
        ("2020-01-01", "'2020-01-01'"),
        ("1e3", "1e3"),
        ("0x10", "'0x10'"),
        ("a: #b", "'a: #b'"),
        ("it's", "it's"),
        ('"Hello"', "'\"Hello\"'"),
        ("  spaces  ", "'  spaces  '"),
        ("tab\t", r'"tab\t"'),
        ("two\nlines", r'"two\nlines"'),
        ("---\n---", r'"---\n---"'),
        ("\u2028 \ufeff", r'"\L \uFEFF"'),
        ("\ufffe\U0010ffff", r'"\uFFFE\U0010FFFF"'),
        ("& * ! | > % @ `", "'& * ! | > % @ `'"),
        ("- a", "'- a'"),
        ("[x", "'[x'"),
        ("<<", "'<<'"),
    ],
)
def test_every_title_is_read_back_as_a_string(title: str, line: str) -> None:
    text = format_post(replace(HELLO, title=title))

    assert text.splitlines()[1] == f"title: {line}"
    assert read(text) == replace(HELLO, title=title)
    assert yaml.safe_load(split_front_matter(text).head)["title"] == title


@pytest.mark.parametrize(
    "body",
    [
        "\r\n",
        "a\r\nb\r\n",
        "\n\n  x",
        "---\ntitle: other\n---\n",
        "---",
        "no end",
        "an end\n",
        "\ufeff",
        "\x85\u2028",
        "\t",
    ],
)
def test_a_body_is_read_back_byte_for_byte(body: str) -> None:
    assert format_post(replace(HELLO, body=body)).encode().endswith(b"\n---\n" + body.encode())
    assert read(format_post(replace(HELLO, body=body))) == replace(HELLO, body=body)


@given(
    st.builds(
        replace,
        st.just(HELLO),
        title=titles,
        body=st.text(),
        slug=slugs,
        tags=tags,
        author=names,
        published_at=st.none() | st.just(NOON) | st.datetimes(timezones=st.just(UTC)),
        version=st.integers(1, MAX_VERSION),
        ordinal=st.integers(1, 2000),
    )
)
def test_a_written_file_is_read_back_unchanged(manuscript: PortablePost) -> None:
    assert read(format_post(manuscript)) == manuscript


def test_the_longest_front_matter_takes_half_of_the_limit() -> None:
    escaped = "\U0010ffff"  # a character that takes ten in YAML
    longest = replace(
        HELLO,
        title=escaped * MAX_TITLE_LENGTH,
        slug="\U00010000" * MAX_SLUG_LENGTH,
        tags=tuple(escaped * (MAX_TAG_LENGTH - 1) + chr(ord("a") + number) for number in range(MAX_TAGS)),
        author="+" * 150,
        version=MAX_VERSION,
        published_at=NOON + timedelta(microseconds=1),
        ordinal=1000,
    )
    assert read(format_post(longest)) == longest
    assert 10_000 < len(split_front_matter(format_post(longest)).head) < MAX_HEAD_LENGTH / 2


def test_slug_and_tags_are_written_where_there_are_some() -> None:
    lines = format_post(replace(HELLO, slug="2-be", tags=("Sea", "no", "a, b", "it's"))).splitlines()
    assert lines[2:4] == ["slug: 2-be", "tags: [Sea, 'no', 'a, b', it's]"]
    assert "slug" not in format_post(HELLO)
    assert "tags" not in format_post(HELLO)


@given(titles, names, st.integers(1, 2000))
def test_every_file_name_is_valid_on_all_file_systems(title: str, author: str, ordinal: int) -> None:
    name = file_name(replace(HELLO, title=title, author=author, ordinal=ordinal))

    assert is_file_name(name)
    assert name.isascii()
    assert len(name) <= 245
    assert not set('/\\:*?"<>| ') & set(name)
    assert name == name.lower().replace("t", "T", 1).replace("z", "Z", 1)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Hello, world!", "hello-world"),
        ("Ça va? Straße", "ca-va-strasse"),
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "con"),
        ("Привет", "post"),
        ("???", "post"),
        ("x" * 200, "x" * 60),
        ("word " * 40, "-".join(["word"] * 12)),
    ],
)
def test_a_file_name_has_time_author_and_title(title: str, slug: str) -> None:
    manuscript = replace(HELLO, title=title, author="Alice")

    assert file_name(manuscript) == f"2026-11-23T123000.000000Z,alice,{slug}.md"
    assert file_name(replace(manuscript, ordinal=2)) == f"2026-11-23T123000.000000Z-0002,alice,{slug}.md"


def test_file_names_are_unique_and_sorted_by_time() -> None:
    posts = [
        replace(HELLO, created_at=NOON - timedelta(days=1)),
        replace(HELLO, author="a", title="b c"),
        replace(HELLO, author="a-b", title="c"),
        *(replace(HELLO, author="a", title="b c", ordinal=ordinal) for ordinal in (2, 3, 10, 100, 1000)),
        replace(HELLO, created_at=NOON + timedelta(microseconds=1)),
        replace(HELLO, created_at=NOON + timedelta(seconds=1)),
    ]
    called = [file_name(post) for post in posts]

    assert len(set(called)) == len(called)
    assert sorted(called) == called


def test_a_time_has_the_same_file_name_in_every_zone() -> None:
    elsewhere = replace(HELLO, created_at=NOON.astimezone(timezone(timedelta(hours=5))))

    assert (file_name(elsewhere), format_post(elsewhere)) == (file_name(HELLO), format_post(HELLO))


@pytest.mark.parametrize(
    "text",
    [
        "---\ncreated_at: 2026-11-23 12:30\ntitle: Hello\nauthor: alice\n---\nWorld",
        "---\ntitle: \"Hello\"\nauthor: 'alice'\ncreated_at: '2026-11-23T12:30:00Z'\nversion: \"1\"\n---\nWorld",
        "---\ntitle: >-\n  Hello\nauthor:   alice # her\n\ncreated_at: 2026-11-23T13:30+01:00\nversion:\n---\nWorld",
        "---\n{title: Hello, author: alice, created_at: 2026-11-23T12:30}\n---\nWorld",
        "\ufeff--- \ntitle: Hello\nauthor: alice\ncreated_at: 20261123T1230\nupdated_at: ''\n---\t\nWorld",
        "---\r\ntitle: Hello\r\nauthor: alice\r\ncreated_at: 2026-11-23T12:30\r\n---\r\nWorld",
        "---\ntitle: Hello\ncreated_at: 2026-11-23T12:30\n---\nWorld",
        "---\ntitle: Hello\nauthor:\ncreated_at: 2026-11-23T12:30\n---\nWorld",
    ],
)
def test_handwritten_front_matter_is_read_in_many_styles(text: str) -> None:
    assert read(text, author="alice") == HELLO


def test_a_date_is_read_as_a_time() -> None:
    day = datetime(2026, 11, 23, tzinfo=UTC)
    assert read("---\ntitle: Hello\nauthor: alice\ncreated_at: 2026-11-23\n---\nWorld") == replace(
        HELLO, created_at=day, updated_at=day, published_at=day
    )


def test_crlf_line_endings_become_lf() -> None:
    text = format_post(replace(HELLO, body="one\ntwo\n"))

    assert read(text.replace("\n", "\r\n")) == replace(HELLO, body="one\ntwo\n")
    assert read(text.replace("one\n", "one\r\n")) == replace(HELLO, body="one\r\ntwo\n")


@pytest.mark.parametrize(
    "text",
    [
        "---",
        "---\n",
        "---\ntitle: Hello\n",
        "---\ntitle: Hello\n --- \n",
        "\n---\na: b\n---\n",
        "----\n---\n",
        "+++\ntitle = 1\n---\n",
        "---json\n{}\n---\n",
        '{\n  "title": "Hello"\n}\nWorld',
        "{}",
        "Title: Hello\nDate: 2010-12-03\n\nWorld",
        "\ufeffdate: 2010-12-03",
    ],
)
def test_malformed_front_matter_is_not_read_as_the_body(text: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        split_front_matter(text)
    told = "must begin with a line --- at the top of the file, and end with another"
    assert refusal.value.errors == (FieldError("front matter", told),)


def test_long_front_matter_is_refused_without_parsing_it() -> None:
    with pytest.raises(ValidationFailed, match="front matter: must have at most 30000 characters"):
        split_front_matter("---\n" + "a: b\n" * 6001 + "---\n")


FINE = "title: Hello\nauthor: alice\ncreated_at: 2026-11-23\n"
MOMENT = "must be a date or a time such as 2026-11-23 or 2026-11-23T09:30"
AUTHOR = (
    "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -; --author-is 'NAME=ACCOUNT' names the account"
)
FIELDS = (
    "is not known here: known are title, slug, summary, tags, author, created_at, updated_at, published_at, draft, "
    "version, ordinal; --ignore-unknown ignores it"
)


@pytest.mark.parametrize(
    ("head", "errors"),
    [
        ("", ["front matter: must have lines such as title: Hello"]),
        ("Hello\n", ["front matter: must have lines such as title: Hello"]),
        ("- title: Hello\n", ["front matter: must have lines such as title: Hello"]),
        (f"{FINE}a: b: c\n", ["front matter: line 5: mapping values are not allowed here"]),
        ("title: 'Hello\n", ["front matter: line 3: found unexpected end of stream"]),
        ("title: \x07\n", ["front matter: must be YAML"]),
        ('title: "\\UFFFFFFFF"\n', ["front matter: must be YAML"]),
        ("[" * 5000, ["front matter: must be YAML"]),
        ("--- a\n", ["front matter: must have lines such as title: Hello"]),
        (
            "version: 1\n",
            [
                "title: is missing",
                "author: is missing: --author NAME gives one",
                "created_at: is missing: a date or a time such as 2026-11-23 or 2026-11-23T09:30",
            ],
        ),
        (f"{FINE}tags: {{a: b}}\nid: 7\n", ["tags: must be a list of texts", f"id: {FIELDS}"]),
        (f"{FINE}[a, b]: c\n", [f"front matter: {FIELDS}"]),
        (f"{FINE}title: Again\n", ["title: must be there once"]),
        ("title: [a]\nauthor: {b: c}\ncreated_at: 20261123\n", ["title: must be one text", "author: must be one text"]),
        (
            "title: A\nauthor: a/b\ndate: yesterday\nupdated_at: 2026\npublishDate: soon\nversion: x\nordinal: 1.5\n",
            [
                f"publishDate: {MOMENT}",
                f"date: {MOMENT}",
                f"updated_at: {MOMENT}",
                "version: must be a whole number",
                "ordinal: must be a whole number",
                f"author: {AUTHOR}",
            ],
        ),
    ],
)  # fmt: skip
def test_all_errors_of_front_matter_are_listed(head: str, errors: list[str]) -> None:
    assert [f"{fault.field}: {fault.message}" for fault in refused(head)] == errors


@given(st.text(st.sampled_from("tile:authr \n\"'[]{}&*!|>%@`#-?,\\0x~é"), max_size=40) | st.text(max_size=40))
def test_any_front_matter_is_valid_or_an_error(text: str) -> None:
    assert refused(text)


@pytest.mark.parametrize("name", ["ordinal", "place", "Place"])
def test_the_ordinal_is_read_under_the_name_of_older_exports_too(name: str) -> None:
    assert read(f"---\n{FINE}{name}: 2\n---\nWorld").ordinal == 2
