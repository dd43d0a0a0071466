"""The public Python API: what `from blog import …` gives, and what it says to somebody who makes a mistake."""

import ast
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from tests.adapters.conftest import observer, postgresql, postgresql_url

import blog as api
import blog.domain.posts
from blog import (
    Anonymous,
    Blog,
    BlogError,
    ClosableBlog,
    Forbidden,
    Member,
    NotFound,
    Operator,
    Post,
    PostId,
    PostsOnDeletion,
    Scope,
    Status,
    User,
    ValidationFailed,
    log_in,
    memory_blog,
    postgres_blog,
    sqlite_blog,
)
from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.bootstrap import NestedUnitOfWork, create_blog
from blog.domain.accounts.actors import NotAMember
from blog.domain.blog import CancellableBlog, UnitOfWorkNotOpen
from blog.domain.cancellation import Cancellation, Cancelled

__all__ = ["observer", "postgresql", "postgresql_url"]  # fixtures

HASHER = Argon2PasswordHasher(memory=8, iterations=1)
PASSWORD = "quite a long pass phrase"
SOURCE = Path(api.__file__)
DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_blog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClosableBlog]:
    """An empty blog on each store, opened by the public API."""
    if request.param == "memory":
        opened = memory_blog(hasher=HASHER)
    elif request.param == "sqlite":
        opened = sqlite_blog(tmp_path / "blog.db", hasher=HASHER)
    else:
        request.getfixturevalue("postgresql")
        opened = postgres_blog(request.getfixturevalue("postgresql_url"), hasher=HASHER)
    with opened:
        yield opened


@pytest.fixture
def alice(open_blog: ClosableBlog) -> User:
    with open_blog() as blog:
        return blog.users.add(Operator(), "alice", PASSWORD)


@pytest.fixture
def post(open_blog: ClosableBlog, alice: User) -> Post:
    with open_blog() as blog:
        return blog.posts.create(Member.of(alice), title="Hello", body="World")


def test_every_public_name_is_loaded_and_listed() -> None:
    assert {name: getattr(api, name) for name in api.__all__}
    assert set(api.__all__) <= set(dir(api))
    assert api.__version__ == version("hexablog")
    assert list(api.__all__) == sorted(api.__all__)


def test_a_type_checker_and_python_find_the_same_names() -> None:
    nodes = ast.parse(SOURCE.read_text(encoding="utf-8")).body
    (block,) = (node for node in nodes if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    typed = {str(node.module).removeprefix("blog."): {name.name for name in node.names} for node in imports}
    assert typed == {module: set(names.split()) for module, names in api._MODULES.items()}
    assert set().union(*typed.values()) == set(api.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = api.nonsense  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        from blog import nonsense  # type: ignore[attr-defined]  # noqa: F401, PLC0415


def test_the_errors_are_loaded_without_any_adapter() -> None:
    program = "import sys; from blog import BlogError, Member, PostId; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlalchemy", "argon2", "litestar", "blog.bootstrap"} & set(loaded)


def use_cases() -> dict[str, tuple[type, str]]:
    """Return the class of the use cases at each public attribute of `Blog`, and the first line about it."""
    properties = {name: each for name, each in vars(Blog).items() if isinstance(each, cached_property)}
    functions = {name: each.func for name, each in properties.items() if not name.startswith("_")}
    assert len(functions) > 10
    return {name: (each.__annotations__["return"], str(each.__doc__)) for name, each in functions.items()}


def test_help_tells_each_use_case_with_its_type() -> None:
    text = pydoc.render_doc(Blog, renderer=pydoc.plaintext)  # type: ignore[attr-defined]  # which typeshed lacks
    for name, (kind, _) in use_cases().items():
        assert re.search(rf"^ \|  {name} = .*\n \|      `{kind.__name__}`: [a-z]", text, re.MULTILINE), name


def test_the_reference_has_the_class_of_each_use_case_and_every_public_name() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^::: blog\.(\S+)$", page, re.MULTILINE)
    classes = {f"{kind.__module__}.{kind.__name__}".removeprefix("blog.") for kind, _ in use_cases().values()}
    assert {name for name in listed if "." in name} == classes
    assert {name for name in listed if "." not in name} == set(api.__all__) - {"__version__"}
    assert len(listed) == len(set(listed))


def test_the_page_about_embedding_has_each_use_case_as_its_docstring_says() -> None:
    page = (DOCS / "embedding.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `blog\.(\w+)` \| (`\w+`) \| (.+) \|$", page, re.MULTILINE)
    assert [(name, f"{kind}: {text}.") for name, kind, text in listed] == [
        (name, doc) for name, (_, doc) in use_cases().items()
    ]


def test_every_error_of_posts_is_public() -> None:
    modules = [import_module(f"blog.domain.posts.{each.name}") for each in iter_modules(blog.domain.posts.__path__)]
    classes = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    errors = {each.__name__ for each in classes if issubclass(each, BlogError) and "posts" in each.__module__}
    assert {"PostNotFound", "OutdatedWorkingCopy", "RevisionNotFound"} <= errors
    assert errors <= set(api.__all__)


def test_a_blog_is_used_as_the_readme_says(open_blog: ClosableBlog, alice: User, post: Post) -> None:
    with open_blog() as blog:
        assert blog.posts.get(post.id) == post
    user, issued = log_in(open_blog, "alice", PASSWORD)
    with open_blog() as blog:
        member = blog.tokens.authenticate(issued.secret)
        assert blog.posts.update(member, post.id, title="Hi").title == "Hi"
    assert user == alice


@pytest.mark.parametrize("actor", [Operator(), Anonymous()], ids=["operator", "anonymous"])
def test_only_a_member_writes_posts(open_blog: ClosableBlog, post: Post, actor: Member) -> None:
    uses: list[Callable[[Blog], object]] = [
        lambda blog: blog.posts.create(actor, title="Hello", body="World"),
        lambda blog: blog.posts.update(actor, post.id, title="Hi"),
        lambda blog: blog.posts.update(actor, post, title="Hi"),
        lambda blog: blog.posts.publish(actor, post.id),
        lambda blog: blog.posts.unpublish(actor, post.id),
        lambda blog: blog.posts.own_page(actor, Status.DRAFT),
        lambda blog: blog.posts.delete(actor, post.id),
        lambda blog: blog.posts.get_for_update(actor, post.id),
        lambda blog: blog.accounts.log_out(actor),
        lambda blog: blog.tokens.list_own(actor),
    ]
    for use in uses:
        with open_blog() as blog, pytest.raises(NotAMember, match=r"Member\.of\(user\)"):
            use(blog)
    assert issubclass(NotAMember, Forbidden)
    with open_blog() as blog:
        assert blog.posts.page().posts == [post]


def test_a_draft_is_published_later_and_nobody_else_sees_it_before(open_blog: ClosableBlog, alice: User) -> None:
    with open_blog() as blog:
        author, bob = Member.of(alice), Member.of(blog.users.add(Operator(), "bob", PASSWORD))
        draft = blog.posts.create(author, title="Hello", body="World", status=Status.DRAFT)
    for reader in (None, bob):
        with open_blog() as blog, pytest.raises(NotFound):
            blog.posts.get(draft.id, reader)
    with open_blog() as blog:
        assert blog.posts.get(draft.id, author) == draft
        assert blog.posts.own_page(author, Status.DRAFT).posts == [draft]
        assert blog.posts.page().posts == []
        at = datetime(2999, 1, 1, tzinfo=UTC)
        assert blog.posts.publish(author, draft.id, at=at).published_at == at
    with open_blog() as blog:
        assert [post.published_at for post in blog.posts.own_page(author, Status.SCHEDULED).posts] == [at]
        published = blog.posts.publish(author, draft.id)
        assert blog.posts.page().posts == [published]
        assert [post.title for post in blog.exporter.page(Operator()).posts] == ["Hello"]


def test_only_the_author_writes_a_post_also_with_somebody_elses_post_object(
    open_blog: ClosableBlog, post: Post
) -> None:
    with open_blog() as blog:
        bob = Member.of(blog.users.add(Operator(), "bob", PASSWORD))
    uses: list[Callable[[Blog], object]] = [
        lambda blog: blog.posts.update(bob, post, title="Mine"),
        lambda blog: blog.posts.unpublish(bob, post),
        lambda blog: blog.posts.delete(bob, post),
    ]
    for use in uses:
        with open_blog() as blog, pytest.raises(Forbidden):
            use(blog)


def test_a_user_in_the_place_of_an_actor_is_a_type_error_that_says_what_to_do(
    open_blog: ClosableBlog, alice: User
) -> None:
    with open_blog() as blog:
        with pytest.raises(TypeError, match=r"Member\.of\(user\), not User"):
            blog.posts.create(alice, title="Hello", body="World")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"Operator\(\), not User"):
            blog.users.page(alice)  # type: ignore[arg-type]


def test_an_int_is_an_id(open_blog: ClosableBlog, alice: User, post: Post) -> None:
    number: Any = int(post.id)
    with open_blog() as blog:
        assert blog.posts.get(number) == post
        assert blog.posts.update(Member.of(alice), number, title="Hi").id == post.id


@pytest.mark.parametrize("wrong", ["1", True, None, 1.0])
def test_an_id_that_is_not_an_int_is_a_type_error(open_blog: ClosableBlog, alice: User, wrong: Any) -> None:
    actor = Member.of(alice)
    uses: list[Callable[[Blog], object]] = [
        lambda blog: blog.posts.get(wrong),
        lambda blog: blog.posts.update(actor, wrong, title="Hi"),
        lambda blog: blog.posts.publish(actor, wrong),
        lambda blog: blog.posts.unpublish(actor, wrong),
        lambda blog: blog.posts.delete(actor, wrong),
        lambda blog: blog.users.get(Operator(), wrong),
        lambda blog: blog.users.update(Operator(), wrong, is_admin=True),
        lambda blog: blog.users.delete(Operator(), wrong, PostsOnDeletion.KEEP),
        lambda blog: blog.tokens.revoke(actor, wrong),
        lambda blog: blog.tokens.revoke_for(Operator(), alice.id, wrong),
        lambda blog: blog.tokens.revoke_all_for(Operator(), wrong),
        lambda blog: blog.tokens.list_for(Operator(), wrong),
        lambda blog: blog.invitations.revoke(Operator(), wrong),
    ]
    for use in uses:
        with open_blog() as blog, pytest.raises(TypeError, match=f"must be an int, not {type(wrong).__name__}"):
            use(blog)


def test_a_unit_of_work_inside_of_another_one_is_refused_at_once(open_blog: ClosableBlog, alice: User) -> None:
    actor = Member.of(alice)
    with open_blog() as outer:
        outer.posts.create(actor, title="Outer", body="…")
        with pytest.raises(NestedUnitOfWork, match="leave its block first"), open_blog() as inner:
            inner.posts.create(actor, title="Inner", body="…")
        with pytest.raises(NestedUnitOfWork):
            log_in(open_blog, "alice", PASSWORD)
    with open_blog() as blog:
        assert [post.title for post in blog.posts.page().posts] == ["Outer"]


def test_a_failed_unit_of_work_cannot_be_used(open_blog: ClosableBlog) -> None:
    with pytest.raises(ZeroDivisionError), open_blog():
        raise ZeroDivisionError
    with open_blog() as blog:
        assert blog.posts.page().posts == []


def test_a_use_after_the_end_of_the_block_says_so(open_blog: ClosableBlog, alice: User, post: Post) -> None:
    with open_blog() as blog:
        posts, users = blog.posts, blog.users
    uses: list[Callable[[], object]] = [
        lambda: blog.posts.get(post.id),
        posts.page,
        lambda: posts.create(Member.of(alice), title="Late", body="…"),
        lambda: posts.update(Member.of(alice), post.id, title="Late"),
        lambda: users.add(Operator(), "bob", PASSWORD),
        lambda: blog.search.find("hello"),
        lambda: blog.audit.page(Operator()),
    ]
    for use in uses:
        with pytest.raises(UnitOfWorkNotOpen, match="has ended"):
            use()
    with open_blog() as again:
        assert again.posts.page().posts == [post]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_use_before_the_block_says_so(kind: str, tmp_path: Path) -> None:
    store = MemoryStore() if kind == "memory" else SqlStore(tmp_path / "blog.db")
    blog = create_blog(store)()
    assert isinstance(blog, Blog)
    with pytest.raises(UnitOfWorkNotOpen, match="has not begun"):
        _ = blog.posts
    assert not hasattr(blog, "nonsense")


def test_a_blog_of_the_public_api_can_be_cancelled(open_blog: ClosableBlog) -> None:
    assert isinstance(open_blog, CancellableBlog)
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled), open_blog.cancellable(cancellation)() as blog:
        blog.posts.page()


def test_a_new_sqlite_file_has_its_tables_at_once_and_keeps_its_rows(tmp_path: Path) -> None:
    for number in range(2):
        with sqlite_blog(str(tmp_path / "blog.db"), hasher=HASHER) as open_blog, open_blog() as blog:
            blog.users.add(Operator(), f"user{number}", PASSWORD)
            assert len(blog.users.page(Operator())) == number + 1


@pytest.mark.parametrize("path", ["", ":memory:", "sqlite:///blog.db", "postgresql://localhost/blog"])
def test_an_invalid_path_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationFailed, match=r"memory_blog\(\)|postgres_blog\(\)"):
        sqlite_blog(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["", "blog.db", "sqlite:///blog.db", "postgres://localhost/blog"])
def test_a_url_that_is_not_of_postgresql_is_refused(url: str) -> None:
    with pytest.raises(ValidationFailed, match=r"sqlite_blog\(\)"):
        postgres_blog(url)


def test_tables_of_an_older_version_are_migrated_only_if_asked(tmp_path: Path) -> None:
    file = tmp_path / "blog.db"
    with closing(SqlStore(file)) as store:
        store.migrate("0007")
    with pytest.raises(BlogError, match="run blog migrate first, or open with migrate=True"):
        sqlite_blog(file)
    with sqlite_blog(file, migrate=True) as open_blog, open_blog() as blog:
        assert blog.posts.page().posts == []


def test_tables_of_a_newer_version_or_of_others_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "blog.db"
    sqlite_blog(file).close()
    with closing(SqlStore(file)) as store, store.dialect.migration_transaction(store.engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for migrate in (False, True):
        with pytest.raises(BlogError, match="newer version of the blog than this one: upgrade"):
            sqlite_blog(file, migrate=migrate)
    other = tmp_path / "other.db"
    with closing(SqlStore(other)) as store, store.dialect.migration_transaction(store.engine) as connection:
        connection.exec_driver_sql("CREATE TABLE posts (id INTEGER)")
    with pytest.raises(BlogError, match="not this blog's"):
        sqlite_blog(other)


def test_a_file_that_cannot_be_opened_is_a_blog_error(tmp_path: Path) -> None:
    with pytest.raises(BlogError):
        sqlite_blog(tmp_path / "missing" / "blog.db")


def test_a_missing_driver_is_a_blog_error_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in [name for name in sys.modules if name.startswith("blog.adapters.sql.engine.postgresql")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(BlogError, match=r"needs the package psycopg: pip install"):
        postgres_blog("postgresql://localhost/blog")


def test_ids_and_scopes_are_what_they_are_called() -> None:
    assert PostId(1) == 1
    assert Scope("posts:write") is Scope.POSTS_WRITE
