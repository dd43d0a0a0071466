"""Files of Jekyll, Hugo, Hexo, Eleventy and similar programs are imported, or reported."""

import json
from datetime import UTC, datetime
from pathlib import Path, PurePath

import pytest
from tests.database import Database
from tests.entrypoints.cli.conftest import Outcome, Run
from tests.entrypoints.cli.test_import import posts_in, summary

from blog.domain.accounts.actors import Member, Operator
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import Status
from blog.entrypoints.cli.markdown import folders
from blog.entrypoints.cli.markdown.front_matter import split_front_matter
from blog.entrypoints.cli.markdown.parsed_files import NAMES, ImportOptions, ParsedFile, parse_file

JEKYLL = """\
---
layout: post
title:  "Welcome to Jekyll!"
date:   2015-11-17 16:16:01 -0600
categories: [jekyll, update]
tags: one two
---

You'll find this post in your `_posts` directory.
"""
HUGO = """\
+++
title = "My First Post"
date = 2015-11-18T10:00:00-05:00
lastmod = 2015-11-20
draft = false
tags = ["go", "hugo"]
[params]
comments = true
+++
Hello.
"""
HEXO = """\
---
title: Hello World
date: 2015-1-5 9:05:00
updated: 2015/01/05
tags:
  - a
comments: false
---
Welcome.
"""
ELEVENTY = """\
---
title: This is my third post.
date: 2015-11-21
tags: second tag
layout: layouts/post.njk
---
Leverage agile frameworks.
"""


def _file(path: str, text: str) -> None:
    file = Path("in", path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _parsed(text: str, path: str = "any.md", *, author: str | None = "ann", ignore_unknown: bool = True) -> ParsedFile:
    return parse_file(
        split_front_matter(text), ImportOptions(author=author, ignore_unknown=ignore_unknown), PurePath(path)
    )


def _read(text: str, path: str = "any.md") -> PortablePost:
    parsed = _parsed(text, path)
    assert parsed.errors == ()
    return parsed.post


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "title", "created_at", "updated_at"),
    [
        (JEKYLL, "Welcome to Jekyll!", _utc(2015, 11, 17, 22, 16, 1), _utc(2015, 11, 17, 22, 16, 1)),
        (HUGO, "My First Post", _utc(2015, 11, 18, 15), _utc(2015, 11, 20)),
        (HEXO, "Hello World", _utc(2015, 1, 5, 9, 5), _utc(2015, 1, 5, 9, 5)),
        (ELEVENTY, "This is my third post.", _utc(2015, 11, 21), _utc(2015, 11, 21)),
    ],
)
def test_creation_and_update_times_are_read_from_files_of_other_programs(
    text: str, title: str, created_at: datetime, updated_at: datetime
) -> None:
    read = _read(text)

    assert (read.title, read.created_at, read.updated_at) == (title, created_at, updated_at)
    assert (read.version, read.ordinal, read.author) == (1, 1, "ann")


@pytest.mark.parametrize(
    ("head", "tags"),
    [
        ("tags: [a, b c]", ("a", "b c")),
        ("tags:\n- a\n- 2026\n- yes", ("a", "2026", "yes")),
        ("tags: a tag", ("a tag",)),
        ("tags: a, b c,, ' ', d ,", ("a", "b c", "' '", "d")),
        ("tags: [a, B, A, b, ß, SS]", ("a", "B", "ß")),
        ("tags: [' a ', '', '  ']", ("a",)),
        ("tags: []", ()),
        ("tags:", ()),
        ("Tag: a\nCategory: b c\ncategories: [A, d]\nTAGS: [e]", ("a", "b c", "d", "e")),
        ("categories:\n- [a, b]\n- [a, c]\n- d", ("a", "b", "c", "d")),
        ("taxonomies:\n  tags: [a]\n  categories: [b]", ("a", "b")),
    ],
)
def test_tags_and_categories_are_read_in_yaml_in_many_spellings(head: str, tags: tuple[str, ...]) -> None:
    assert _read(f"---\ntitle: Hello\ndate: 2015-11-21\n{head}\n---\nWorld").tags == tags


@pytest.mark.parametrize(
    ("head", "tags"),
    [
        ('tags = ["a", "b c", 2026, true]', ("a", "b c", "2026", "true")),
        ('tags = "a, b"', ("a", "b")),
        ('categories = [["a", "b"], "c"]', ("a", "b", "c")),
        ('[taxonomies]\ntags = ["a"]\ncategories = ["b"]', ("a", "b")),
        ("tags = []", ()),
    ],
)
def test_tags_and_categories_are_read_in_toml_in_many_spellings(head: str, tags: tuple[str, ...]) -> None:
    assert _read(f"+++\ntitle = 'Hello'\ndate = 2015-11-21\n{head}\n+++\nWorld").tags == tags


@pytest.mark.parametrize(
    "head",
    [
        "tags: {a: b}",
        "tags: [{a: b}]",
        "tags: [[[a]]]",
        "tags: &a [*a]",
        f"tags: [{'a, ' * 1000}a]",
        f"x: &x [{'a, ' * 99}a]\ntags: [{'*x, ' * 99}*x]",
    ],
)
def test_tags_that_are_no_list_of_texts_are_an_error(head: str) -> None:
    parsed = _parsed(f"---\ntitle: Hello\ndate: 2015-11-21\n{head}\n---\nWorld")
    assert parsed.errors == (FieldError("tags", "must be a list of texts"),)


def test_former_addresses_are_left_out_and_reported_without_an_option() -> None:
    for head in ("aliases: [/old, /older]", "redirect_from: /old", "redirect_from:\n- /old\n- {a: b}"):
        parsed = _parsed(f"---\ntitle: Hello\ndate: 2015-11-21\n{head}\n---\nWorld", ignore_unknown=False)
        assert (parsed.errors, parsed.unknown) == ((), (head.partition(":")[0],))


@pytest.mark.parametrize(
    ("slug", "read", "changed"),
    [
        ("my-post", "my-post", ""),
        ("' my-post '", "my-post", ""),
        ("My Post!", "my-post", "My Post!"),
        ("2026", "post-2026", "2026"),
        ("tags", "post-tags", "tags"),
        ("'/'", None, "/"),
        ("''", None, ""),
        ("", None, ""),
    ],
)
def test_a_slug_that_is_not_valid_here_is_made_valid(slug: str, read: str | None, changed: str) -> None:
    parsed = _parsed(f"---\ntitle: Hello\ndate: 2015-11-21\nslug: {slug}\n---\nWorld")
    assert (parsed.errors, parsed.post.slug, parsed.changed_slug) == ((), read, changed)


@pytest.mark.usefixtures("database")
def test_the_command_says_which_slugs_were_taken(run: Run) -> None:
    for name, day in (("a.md", 21), ("b.md", 22), ("c.md", 23)):
        slug = "slug: same\n" if name != "c.md" else ""
        _file(name, f"---\ntitle: Same\ndate: 2015-11-{day}T00:00Z\n{slug}---\nWorld")

    said = "blog: b.md: another post has its slug: read as same-2\n"
    tried = run("import", "in", "--author", "alice", "--dry-run")
    assert (tried.status, tried.errors) == (0, said)
    assert run("import", "in", "--author", "alice") == Outcome(0, summary(added=3), said)
    assert run("import", "in", "--author", "alice") == Outcome(0, summary(there=3), "")


@pytest.mark.usefixtures("database")
def test_the_command_says_which_slugs_it_changed(run: Run) -> None:
    _file("a.md", "---\ntitle: Hello\ndate: 2015-11-21T00:00Z\nslug: My Post\n---\nWorld")
    _file("b.md", "---\ntitle: Hello\ndate: 2015-11-22T00:00Z\nslug: '?'\n---\nWorld")

    assert run("import", "in", "--author", "alice") == Outcome(
        0,
        summary(added=2),
        "blog: a.md: slug 'My Post' is not valid here: read as my-post\n"
        "blog: b.md: slug '?' is not valid here: read as none\n",
    )


def test_folders_of_other_programs_are_imported_and_ignored_files_are_reported_once(
    run: Run, database: Database
) -> None:
    _file("_posts/2015-11-17-welcome.markdown", JEKYLL)
    _file("content/posts/hello/index.md", HUGO)
    _file("content/posts/_index.md", "---\ntitle: Posts\n---\n")
    _file("content/posts/hello/photo.png", "...")
    _file("source/hello.md", HEXO)
    _file("blog/third.md", ELEVENTY)
    _file("_drafts/idea.md", "---\ntitle: Idea\n---\nPerhaps.")
    _file("blog/page.mdx", "import x from 'y'")
    _file(".git/description.md", "hidden")

    taken = run("import", "in", "--recursive", "--ignore-unknown", "--author", "alice")

    assert taken.status == 0
    assert taken.said == summary(added=4).replace(".\n", ", drafts left out 1.\n")
    assert taken.errors.splitlines() == [
        "blog: _drafts/idea.md: ignored as a draft, because it has no date",
        "blog: layout: ignored in 2 files",
        "blog: comments: ignored in 1 file",
        "blog: params: ignored in 1 file",
        "blog: 3 files with a date without a time zone: taken as UTC",
        "blog: 3 files not read, because they are not Markdown (.mdx: 1, .png: 1, _index.md: 1)",
    ]
    assert [post.title for post in posts_in(database)] == [
        "Hello World",
        "Welcome to Jekyll!",
        "My First Post",
        "This is my third post.",
    ]
    assert run("import", "in", "--recursive", "--ignore-unknown", "--author", "alice").said.startswith(
        "Added 0, already there 4"
    )


_HOME = "---\nlayout: home\n---\n"
_ABOUT = "---\nlayout: page\ntitle: About\npermalink: /about/\n---\nThis is the base theme.\n"


@pytest.mark.usefixtures("database")
def test_pages_of_a_site_are_ignored_by_name_and_are_not_errors(run: Run) -> None:
    _file("_posts/2015-11-17-welcome.markdown", JEKYLL)
    _file("index.markdown", _HOME)
    _file("about.markdown", _ABOUT)
    _file("README.md", "# My site")

    taken = run("import", "in", "--recursive", "--ignore-unknown", "--author", "alice")

    assert (taken.status, taken.said) == (0, summary(added=1).replace(".\n", ", pages left out 3.\n"))
    for page in ("index.markdown", "about.markdown", "README.md"):
        assert f"blog: {page}: ignored as a page, because it has no date\n" in taken.errors


@pytest.mark.usefixtures("database")
def test_a_page_is_an_error_without_ignore_unknown_and_importing_only_pages_fails(run: Run) -> None:
    _file("about.md", _ABOUT)

    told = run("import", "in", "--author", "alice")
    alone = run("import", "in", "--author", "alice", "--ignore-unknown")

    assert (told.status, told.said) == (1, summary(faulty=1))
    assert (alone.status, alone.said) == (1, summary().replace(".\n", ", pages left out 1.\n"))


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("_posts/hello.md", "layout: page"),
        ("blog/hello.md", "title: Hello"),
        ("blog/hello.md", "layout: layouts/post.njk"),
        ("blog/2016-02-30-hello.md", "layout: page"),
        ("about.md", "layout: page\ndate: soon"),
    ],
)
def test_a_post_without_a_date_is_not_taken_for_a_page(path: str, head: str) -> None:
    parsed = _parsed(f"---\n{head}\n---\nWorld", path)

    assert parsed.errors
    assert parsed.ignored_as == ""


def test_a_declared_post_without_a_date_outside_of_the_posts_folder_is_an_error() -> None:
    reading = ImportOptions(author="ann", ignore_unknown=True, has_posts_folder=True)
    parsed = parse_file(split_front_matter("---\nlayout: post\n---\nWorld"), reading, PurePath("hello.md"))

    assert [fault.field for fault in parsed.errors] == ["created_at"]
    assert parsed.ignored_as == ""


def test_an_invalid_date_in_the_file_name_is_an_error_unless_the_front_matter_has_one() -> None:
    faulty = _parsed("---\ntitle: Hello\n---\nWorld", "_posts/2016-02-30-bad.md")
    dated = _parsed("---\ntitle: Hello\ndate: 2016-02-29\n---\nWorld", "_posts/2016-02-30-bad.md")

    assert faulty.errors == (FieldError("file name", "2016-02-30 is not a valid date"),)
    assert dated.errors == ()


def test_an_unknown_member_is_an_error_that_names_the_option(run: Run, database: Database) -> None:
    _file("a.md", ELEVENTY)

    refused = run("import", "in", "--author", "alice")

    assert refused.status == 1
    assert f"layout: is not known here: known are {', '.join(NAMES)}; --ignore-unknown" in refused.errors
    assert posts_in(database) == []


@pytest.mark.parametrize(
    ("path", "created_at", "title"),
    [
        ("2015-11-20-hello-world.md", _utc(2015, 11, 20), "Hello world"),
        ("_posts/2015-11-20-hello_world.markdown", _utc(2015, 11, 20), "Hello world"),
        ("2015-11-20-hello-world/index.md", _utc(2015, 11, 20), "Hello world"),
        ("2015-11-20 Été.md", _utc(2015, 11, 20), "Été"),
    ],
)
def test_a_missing_date_and_title_are_read_from_the_file_name(path: str, created_at: datetime, title: str) -> None:
    for text in ("---\nlayout: post\n---\nWorld", "World"):
        assert (_read(text, path).created_at, _read(text, path).title) == (created_at, title)


def test_front_matter_takes_precedence_over_the_file_name() -> None:
    read = _read("---\ntitle: Here\ndate: 2016-01-01\n---\n# There", "2015-11-20-elsewhere.md")

    assert (read.title, read.created_at) == ("Here", _utc(2016, 1, 1))


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("# Hello\nWorld", "Hello"),
        ("Intro.\n\n## Hello `x` ##\nWorld", "Hello `x`"),
        ("Hello\n=====\nWorld", "Hello"),
        ("```\n# a comment\n```\n~~~\n# b\n```\n~~~\n### Hello", "Hello"),
        ("#hashtag\n\nWorld", "Some file"),
        ("World\n\n---\n\nmore", "Some file"),
        ("#" + " " * 100_000 + "x", "Some file"),
    ],
)
def test_a_file_without_front_matter_gets_its_title_from_the_first_heading_or_the_file_name(
    body: str, title: str
) -> None:
    assert _read(body, "2015-11-20-some-file.md").title == title
    assert split_front_matter(body).body == body


def test_a_file_without_front_matter_or_date_is_reported(run: Run, database: Database) -> None:
    _file("README.md", "# Notes\nWorld")
    _file("2015-11-20-fine.md", "# Fine\nWorld")

    assert run("import", "in").status == 1
    taken = run("import", "in", "--author", "alice")

    assert taken.said == summary(added=1, faulty=1)
    assert "README.md: created_at: is missing: a date or a time" in taken.errors
    (post,) = posts_in(database)
    assert (post.title, post.body) == ("Fine", "# Fine\nWorld")


@pytest.mark.parametrize(
    "line",
    ["draft: true", "Draft: yes", "published: false", "publish: no", "private: true", "status: draft", "status: trash"],
)
def test_a_post_that_nobody_may_read_yet_becomes_a_parsed(line: str) -> None:
    parsed = _parsed(f"---\ntitle: Secret\ndate: 2015-11-20\n{line}\n---\nWorld", ignore_unknown=False)

    assert (parsed.post.published_at, parsed.post.created_at) == (None, _utc(2015, 11, 20))
    assert (parsed.errors, parsed.ignored_as) == ((), "")


@pytest.mark.parametrize(
    "line",
    ["draft: false", "published: true", "status: publish", "private: no", "draft:", "status: future"],
)
def test_a_post_that_everybody_may_read_is_published_at_its_date(line: str) -> None:
    for date in ("2015-11-20", "2999-11-20"):
        parsed = _parsed(f"---\ntitle: Hello\ndate: {date}\n{line}\n---\nWorld", ignore_unknown=False)

        assert parsed.post.published_at == parsed.post.created_at == _utc(int(date[:4]), 11, 20)
        assert parsed.errors == ()


def test_drafts_and_scheduled_posts_are_added_as_such_and_counted(run: Run, database: Database) -> None:
    _file("a.md", "---\ntitle: Draft\ndate: 2015-11-20T10:00Z\ndraft: true\n---\nWorld")
    _file("b.md", "---\ntitle: Hidden\ndate: 2015-11-21T10:00Z\npublished: false\n---\nWorld")
    _file("c.md", "---\ntitle: Later\ndate: 2999-11-20T10:00Z\n---\nWorld")
    _file("d.md", "---\ntitle: Held back\ndate: 2015-11-20T11:00Z\npublishDate: 2999-11-20T10:00Z\n---\nWorld")
    _file("e.md", "---\ntitle: Published\ndate: 2015-11-20T12:00Z\npublishDate: 2016-01-01T10:00Z\n---\nWorld")
    kinds = "(draft 2, scheduled 2)"

    planned = run("import", "in", "--author", "alice", "--dry-run")
    taken = run("import", "in", "--author", "alice")
    again = run("import", "in", "--author", "alice")

    assert planned.said.splitlines()[-1] == summary(5, would=True).replace("5", f"5 {kinds}").rstrip()
    assert taken == Outcome(0, summary(added=5).replace("5", f"5 {kinds}"), "")
    assert again == Outcome(0, summary(there=5), "")
    assert [(post.title, post.published_at) for post in posts_in(database)] == [("Published", _utc(2016, 1, 1, 10))]
    with database.opened() as open_blog, open_blog() as blog:
        alice = Member.of(blog.users.get_by_username(Operator(), "alice"))
        own = {status: {post.title for post in blog.posts.own_page(alice, status).posts} for status in Status}
        assert not own.pop(Status.TRASHED)
    assert own == {
        Status.DRAFT: {"Draft", "Hidden"},
        Status.SCHEDULED: {"Later", "Held back"},
        Status.PUBLISHED: {"Published"},
    }


@pytest.mark.parametrize("line", ["draft: maybe", "draft: [true]", "private: 2020-01-01"])
def test_an_invalid_draft_value_is_not_published(line: str) -> None:
    parsed = _parsed(f"---\ntitle: Hello\ndate: 2015-11-20\n{line}\n---\nWorld")

    assert [fault.message for fault in parsed.errors] == ["must be true or false"]


def test_a_draft_is_known_by_toml_and_by_its_folder_too() -> None:
    toml = _parsed("+++\ntitle = 'Hello'\ndate = 2015-11-20\ndraft = true\n+++\nWorld")
    folder = _parsed("---\ntitle: x\ndate: 2015-11-20\n---\n", "blog/_drafts/a.md")

    for parsed in (toml, folder):
        assert (parsed.post.published_at, parsed.ignored_as, parsed.errors) == (None, "", ())


@pytest.mark.parametrize("author", ["ann", None])
def test_a_draft_without_a_date_is_ignored(author: str | None) -> None:
    for text in ("---\ntitle: Idea\n---\nPerhaps.", "Perhaps."):
        assert _parsed(text, "_drafts/idea.md", author=author).ignored_as == "draft"
    assert _parsed("---\ntitle: Idea\ndraft: true\n---\nPerhaps.", "blog/idea.md").ignored_as == "draft"


@pytest.mark.parametrize("line", ["date: 2015-11-20", "publishDate: 2015-11-20", "date: soon", "publishDate: soon"])
def test_a_draft_with_a_date_is_not_ignored(line: str) -> None:
    parsed = _parsed(f"---\ntitle: Idea\n{line}\n---\nPerhaps.", "_drafts/idea.md")

    assert (parsed.ignored_as, len(parsed.errors)) == ("", "soon" in line)


@pytest.mark.parametrize(
    ("lines", "created_at", "unknown"),
    [
        ("date: 2015-11-20\ncreated_at: 2015-11-21", _utc(2015, 11, 21), ("date",)),
        ("created_at: 2015-11-21\ndate: 2015-11-20", _utc(2015, 11, 21), ("date",)),
        ("created_at:\ndate: 2015-11-20", _utc(2015, 11, 20), ("created_at",)),
        ("pubDate: 2015-11-20", _utc(2015, 11, 20), ()),
    ],
)
def test_the_more_specific_of_two_date_members_is_used_and_the_other_is_reported(
    lines: str, created_at: datetime, unknown: tuple[str, ...]
) -> None:
    parsed = _parsed(f"---\ntitle: Hello\n{lines}\n---\nWorld")

    assert (parsed.post.created_at, parsed.unknown, parsed.errors) == (created_at, unknown, ())


def test_authors_are_mapped_from_the_names_in_files(run: Run, database: Database) -> None:
    _file("a.md", "---\ntitle: Hello\nauthor: Jane Doe\ndate: 2015-11-20T10:00Z\n---\nWorld")

    refused = run("import", "in")
    assert "--author-is 'NAME=ACCOUNT' names the account" in refused.errors
    assert run("import", "in", "--author-is", "Jane Doe=bob") == Outcome(0, summary(added=1), "")
    assert posts_in(database)[0].author == "bob"


def test_a_folder_without_readable_files_fails(run: Run, database: Database) -> None:
    _file("sub/2015-11-20-hello.md", "World")
    _file("page.mdx", "World")

    refused = run("import", "in", "--author", "alice")

    assert refused.status == 1
    assert refused.said == summary()
    assert refused.errors == (
        "blog: 1 file not read, because they are not Markdown (.mdx: 1)\n"
        "blog: 1 folder not read; --recursive reads them, except links\n"
    )
    assert run("import", "in", "--author", "alice", "--recursive").status == 0
    assert run("import", "in", "--author", "alice", "--recursive").status == 0, "all of it is there already"


def test_symlinks_out_of_the_folder_and_symlink_loops_are_not_followed(run: Run, database: Database) -> None:
    Path("secret").write_text("root:x:0:0", encoding="utf-8")
    _file("2015-11-20-hello.md", "World")
    Path("in", "2015-11-21-passwd.md").symlink_to(Path("secret").absolute())
    Path("in", "2015-11-22-again.md").symlink_to("2015-11-20-hello.md")
    Path("in", "circle").symlink_to(".")

    taken = run("import", "in", "--author", "alice", "--recursive")

    assert taken.said == summary(added=2, faulty=1)
    assert "2015-11-21-passwd.md: file: is a link that leads out of the folder\n" in taken.errors
    assert "1 folder not read" in taken.errors
    assert {post.body for post in posts_in(database)} == {"World"}


def test_too_many_files_are_refused(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_FILES", 2)
    for number in range(3):
        _file(f"2015-11-2{number}-hello.md", "World")

    assert run("import", "in", "--author", "alice") == Outcome(1, "", "blog: folder: must have at most 2 files\n")


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        ("title = ", "must be TOML: Invalid value"),
        ("title = 'a'\ntitle = 'b'", "must be TOML: Cannot overwrite a value"),
        ("a = " + "[" * 5000, "must be TOML"),
        ("a = " + "9" * 5000, "must be TOML"),
    ],
)
def test_invalid_toml_is_reported(head: str, fault: str) -> None:
    with pytest.raises(ValidationFailed, match=fault):
        _parsed(f"+++\n{head}\n+++\nWorld")


def test_nested_yaml_aliases_take_no_memory() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    parsed = _parsed(f"---\ntitle: Hello\ndate: 2015-11-20\n{bomb}---\nWorld")

    assert len(parsed.unknown) == 30
    assert parsed.errors == ()


def test_json_front_matter_is_reported_as_unsupported() -> None:
    with pytest.raises(ValidationFailed, match="front matter: must begin with a line ---"):
        split_front_matter(json.dumps({"title": "Hello", "date": "2015-11-20"}) + "\nWorld")
