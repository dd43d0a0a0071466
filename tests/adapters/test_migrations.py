"""Migrations bring the tables of every version to the current one."""

import multiprocessing
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from blog.adapters.sql import SqlStore
from blog.adapters.sql.repositories.posts import indexed_posts
from blog.adapters.sql.schema.migrate import ForeignTables
from blog.adapters.sql.schema.tables import REVISION, metadata
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator, Scope, scopes_for
from blog.domain.accounts.throttle import LoginAttempt, account_key
from blog.domain.audit import GENESIS_DIGEST, Event, Seal, seal_digest
from blog.domain.blog import ConcurrencyConflict, OpenBlog
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.pagination import PostFilter, SortOrder
from blog.domain.posts.post import Status
from blog.domain.posts.revisions import Revision, RevisionNotFound
from blog.domain.search.query import SearchQuery
from blog.testing.contracts.fixtures import EVERYBODY, EVERYTHING, NOON, as_member

AN_ORPHAN = """
INSERT INTO posts (title, body, author_id, created_at, updated_at, changed_at, version)
VALUES ('', '', 99, '', '', '', 1)
"""
PASSWORD = "correct horse battery staple"
FIRST_COLUMNS_OF_TOKENS = ["id", "user_id", "digest", "created_at", "expires_at"]


@pytest.fixture(autouse=True)
def migrated_afterwards(store: SqlStore) -> Iterator[None]:
    yield
    store.migrate()


def is_compared(name: str | None, kind: str, _: object) -> bool:
    """Leave out the search tables, which differ by database, and SQLite's tables of a virtual table."""
    return kind != "table" or not str(name).startswith(("post_words", "post_titles", "pending_posts"))


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # which SQLAlchemy cannot compare on SQLite
def test_migrations_create_exactly_the_declared_tables(store: SqlStore) -> None:
    with store.engine.connect() as connection:
        compared = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_compared})
        assert compare_metadata(compared, metadata) == []


def test_a_migration_without_changes_keeps_all_data(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
        issued = blog.tokens.issue(ann)
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
    store.migrate("head")
    with open_blog() as blog:
        assert blog.tokens.authenticate(issued.secret).user == ann
        assert blog.posts.get(post.id) == post


def test_tokens_of_the_first_version_have_all_scopes(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        users = [blog.users.add(Operator(), name, PASSWORD, is_admin=name == "ann") for name in ("ann", "bob")]
        issued = [blog.tokens.issue(user, name="a laptop", scopes={Scope.POSTS_READ}) for user in users]
        blog.tokens.touch(blog.tokens.authenticate(issued[0].secret))
        post = blog.posts.create(as_member(users[1]), title="Hello", body="World")
    store.migrate("0001")
    with store.engine.connect() as connection:
        assert list(connection.exec_driver_sql("SELECT * FROM tokens").keys()) == FIRST_COLUMNS_OF_TOKENS
    store.migrate()
    with store() as stores:
        assert list(stores.users.page(limit=10)) == users
        assert stores.posts.get(EVERYTHING, post.id) == post
        for user, each in zip(users, issued, strict=True):
            as_first = replace(each.token, name="", hint="", scopes=scopes_for(user), last_used_at=None)
            assert list(stores.tokens.of_user(user.id)) == [as_first]
    with open_blog() as blog:
        assert [blog.tokens.authenticate(each.secret).scopes for each in issued] == [
            frozenset({Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH, Scope.ACCOUNT, Scope.ADMIN}),
            frozenset({Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH, Scope.ACCOUNT}),
        ]


def test_posts_of_an_older_version_are_sorted_by_title_and_found_by_search(
    store: SqlStore, open_blog: OpenBlog
) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        said = [("Zebra", "crossing, quick"), ("École", "quick \N{SNOWMAN}"), ("apple", "Quick brown-fox")]
        posts = [blog.posts.create(ann, title=title, body=body) for title, body in said]
    store.migrate("0002")
    store.migrate()
    with open_blog() as blog:
        assert list(blog.posts.page(SortOrder.TITLE).posts) == [posts[2], posts[1], posts[0]]
        assert [each.post for each in blog.search.find("quick").results] == posts[::-1]
        assert [each.post for each in blog.search.find('ecole -"brown fox"').results] == [posts[1]]
        assert [each.post for each in blog.search.find('"brown fox"').results] == [posts[2]]


def test_accounts_of_an_older_version_keep_their_usernames_except_reserved_ones(
    store: SqlStore, open_blog: OpenBlog
) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "Ann", PASSWORD)
        users = [blog.users.add(Operator(), f"u{number}", PASSWORD) for number in range(4)]
        taken = blog.users.add(Operator(), f"user-{users[0].id}", PASSWORD)
    store.migrate("0003")
    names = ["Deleted-User", "deleted-user-7", "deleted-users", "deleted-user-7a"]
    with store.dialect.migration_transaction(store.engine) as connection:
        for user, name in zip(users, names, strict=True):
            connection.exec_driver_sql(f"UPDATE users SET username = '{name}' WHERE id = {user.id}")
    store.migrate()
    with open_blog() as blog:
        renamed = [f"user-{users[0].id}-2", f"user-{users[1].id}", *names[2:]]
        assert [each.username for each in blog.users.page(Operator())] == ["Ann", *renamed, taken.username]
        told = [entry.detail for entry in blog.audit.page(Operator(), limit=2).entries]
        assert told == [f"deleted-user-7 is now {renamed[1]}", f"Deleted-User is now {renamed[0]}"]
    with store() as stores:
        assert stores.users.find_by_any_name("ann") == ann
        assert stores.users.names_of(ann.id) == ["ann"]
        assert [stores.users.names_of(user.id) for user in users] == [[name] for name in renamed]


def test_accounts_of_an_older_version_keep_trusted_addresses_and_attempts(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "Ann", PASSWORD)
    with store() as stores:
        attempt = stores.attempts.add(LoginAttempt(account=account_key("ann"), address="192.0.2.2", at=NOON))
        strange = stores.attempts.add(LoginAttempt(account=account_key("nobody"), address="192.0.2.2", at=NOON))
        stores.attempts.trust_address(account_key("ann"), "192.0.2.1", NOON)
    store.migrate("0003")
    store.migrate()
    with store() as stores:
        of_ann = stores.attempts.of_account(account_key(ann.id), since=NOON - timedelta(days=1))
        assert list(of_ann) == [replace(attempt, account=account_key(ann.id))]
        assert stores.attempts.trusted_addresses(account_key(ann.id)) == {"192.0.2.1": NOON}
        assert list(stores.attempts.of_account(account_key("nobody"), since=NOON - timedelta(days=1))) == [strange]
    store.migrate("0003")
    with store() as stores:
        assert stores.attempts.trusted_addresses(account_key("ann")) == {"192.0.2.1": NOON}


def test_posts_updated_before_their_creation_get_the_creation_time(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        posts = [blog.posts.create(ann, title=title, body="…") for title in ("one", "two")]
    store.migrate("0005")
    with store.dialect.migration_transaction(store.engine) as connection:
        connection.exec_driver_sql(
            f"UPDATE posts SET updated_at = '1999-12-31T23:59:59.000000+00:00' WHERE id = {posts[0].id}"
        )
    store.migrate()
    with open_blog() as blog:
        assert [blog.posts.get(post.id) for post in posts] == posts


def test_seals_of_an_older_version_verify_and_the_next_seal_covers_their_time(
    store: SqlStore, open_blog: OpenBlog
) -> None:
    with open_blog() as blog:
        for number in range(2):
            blog.audit.record(Event.POST_CREATED, Operator(), "post", number)
    with store() as stores:
        entry = stores.audit.unsealed(limit=1)
        seal = Seal(at=NOON, entries=1, previous=GENESIS_DIGEST, digest=b"", format=1)
        stores.audit.seal(replace(seal, digest=seal_digest(seal, entry)), entry)
    store.migrate("0005")
    store.migrate()
    with open_blog() as blog:
        blog.audit.seal()
        assert blog.audit.verify(Operator()).errors == ()
    with store.dialect.migration_transaction(store.engine) as connection:
        connection.exec_driver_sql("UPDATE audit_seals SET at = '1999-12-31T23:59:59.000000+00:00' WHERE format = 1")
    with open_blog() as blog:
        assert len(blog.audit.verify(Operator()).errors) == 1


@pytest.fixture
def store_of_revision_0007(store: SqlStore, open_blog: OpenBlog) -> SqlStore:
    """A database of the previous version, with a row in every table, an imported post and seals of format 2."""
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
        blog.posts.create(as_member(ann), title="Hello", body="World")
        blog.idempotency.run_once(as_member(ann), "a-key", b"a request", lambda: b"a response")
        blog.accounts.complete_login(blog.throttle.reserve("ann", "192.0.2.1"), "ann", PASSWORD, "", None)
        blog.throttle.reserve("ann", "192.0.2.2")
        blog.invitations.create(Operator())
        blog.importer.import_post(Operator(), portable_post("Imported"))
    with store() as stores:
        entries = stores.audit.unsealed(limit=100)
        seal = Seal(at=NOON, entries=len(entries), previous=GENESIS_DIGEST, digest=b"", format=2)
        stores.audit.seal(replace(seal, digest=seal_digest(seal, entries)), entries)
    store.migrate("0007")
    return store


def portable_post(title: str) -> PortablePost:
    """Return a post of ann's whose day follows from its title."""
    written = NOON + timedelta(days=len(title))
    return PortablePost(
        title=title, body="…", author="ann", created_at=written, updated_at=written, published_at=written
    )


def names_in_schema(store: SqlStore) -> set[str]:
    """Return the names of tables, columns and indexes, and of PostgreSQL's other objects."""
    with store.engine.connect() as connection:
        tables = inspect(connection)
        names = {
            name
            for table in tables.get_table_names()
            for name in (
                table,
                *(f"{table}.{column['name']}" for column in tables.get_columns(table)),
                *(str(index["name"]) for index in tables.get_indexes(table)),
            )
        }
        if connection.dialect.name == "postgresql":
            # A TOAST table is named after a number of its table, which changes when the table is replaced.
            relations = "SELECT relname FROM pg_class WHERE relname NOT LIKE 'pg_toast%%'"
            for statement in ("SELECT conname FROM pg_constraint", relations):
                names.update(connection.exec_driver_sql(statement).scalars())
        return names


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_rows_of_the_previous_version_are_found_under_the_new_names(store_of_revision_0007: SqlStore) -> None:
    store = store_of_revision_0007
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT answer FROM answers").scalars().all() == [b"a response"]
        assert connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar_one() == 1
        old_event = "SELECT count(*) FROM audit_entries WHERE event = 'post.taken-in'"
        assert connection.exec_driver_sql(old_event).scalar_one() == 1
    store.migrate()
    assert not [name for name in names_in_schema(store) if re.match("answers|attempts|unread", name)]
    with create_blog(store)() as blog:
        ann = as_member(blog.users.get_by_username(Operator(), "ann"))
        assert blog.idempotency.run_once(ann, "a-key", b"a request", lambda: b"another") == (b"a response", True)
        assert blog.audit.page(Operator(), event=Event.POST_IMPORTED).entries
        assert [each.post.title for each in blog.search.find("imported").results] == ["Imported"]
    with store() as stores:
        assert len(stores.attempts.of_address("192.0.2.2", since=NOON)) == 1


def test_seals_of_the_previous_version_verify_and_tampering_is_detected(store_of_revision_0007: SqlStore) -> None:
    store = store_of_revision_0007
    store.migrate()
    open_blog = create_blog(store)
    with open_blog() as blog:
        blog.importer.import_post(Operator(), portable_post("Imported later"))
        blog.audit.seal()
        assert blog.audit.verify(Operator()).errors == ()
    with store() as stores:
        assert [seal.format for seal in stores.audit.seals(limit=9)] == [2, 3]
    for seal_id in (1, 2):
        change_event(store, seal_id, Event.POST_IMPORTED, Event.POST_CREATED)
        with open_blog() as blog:
            assert len(blog.audit.verify(Operator()).errors) == 1
        change_event(store, seal_id, Event.POST_CREATED, Event.POST_IMPORTED)
    with open_blog() as blog:
        assert blog.audit.verify(Operator()).errors == ()


def change_event(store: SqlStore, seal_id: int, old: Event, new: Event) -> None:
    """Tamper with the entry of the imported post under a seal, counted from 1."""
    portable_post = "(SELECT id FROM posts WHERE title LIKE 'Imported%')"
    with store.dialect.migration_transaction(store.engine) as connection:
        seals = connection.exec_driver_sql("SELECT id FROM audit_seals ORDER BY id").scalars().all()
        connection.exec_driver_sql(
            f"UPDATE audit_entries SET event = '{new}' "
            f"WHERE seal_id = {seals[seal_id - 1]} AND event = '{old}' AND subject_id IN {portable_post}"
        )


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_a_downgrade_restores_the_names_of_the_previous_version(store: SqlStore) -> None:
    store.migrate("base")
    store.migrate("0007")
    before = names_in_schema(store)
    store.migrate()
    store.migrate("0007")
    assert names_in_schema(store) == before


OLD_WORDS = {
    "sqlite": [
        "DELETE FROM post_words",
        "DELETE FROM post_titles",
        "UPDATE unread_posts SET title = ' สวสด ', body = ' lodz łodz ขาว '",
    ],
    "postgresql": ["UPDATE post_words SET title = ' สวสด ', body = ' lodz łodz ขาว '"],
}


def test_posts_of_an_older_version_are_reindexed(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        said = [("Łódź", "한국어를"), ("Zebra", "ข้าว"), ("Ångström", "พรุ่งนี้")]
        posts = [blog.posts.create(ann, title=title, body=body) for title, body in said]
    store.migrate("0003")
    with store.dialect.migration_transaction(store.engine) as connection:
        for statement in ("UPDATE posts SET title_key = 'łodz'", *OLD_WORDS[store.engine.dialect.name]):
            connection.exec_driver_sql(statement)
    store.migrate()
    with open_blog() as blog:
        assert list(blog.posts.page(SortOrder.TITLE).posts) == [posts[2], posts[0], posts[1]]
        for text, found in {
            "lodz": [posts[0]],
            "한국어": [posts[0]],
            "ข้าว": [posts[1]],
            "ขาว": [],
            "łodz*": [posts[0]],
        }.items():
            assert [each.post for each in blog.search.find(text).results] == found, text
        assert blog.search.count("พรุ่งนี้") == 1


WITHOUT_MARKS = {
    "sqlite": [f"UPDATE {table} SET title = ' sea '" for table in ("post_words", "post_titles", "pending_posts")],
    "postgresql": ["UPDATE post_words SET title = ' sea '"],
}


@pytest.mark.parametrize("are_marked", [False, True], ids=["never marked", "marked before"])
def test_indexed_posts_of_an_older_version_get_marks(store: SqlStore, open_blog: OpenBlog, *, are_marked: bool) -> None:
    with open_blog() as blog:
        ann, bob = (as_member(blog.users.add(Operator(), name, PASSWORD)) for name in ("ann", "bob"))
        posts = [
            blog.posts.create(author, title="Sea", body="Salt", tags=tags)
            for author, tags in [(ann, ["Fish", "two words"]), (ann, []), (bob, ["fish"])]
        ]
    with store.dialect.migration_transaction(store.engine) as connection:
        store.index.rebuild(connection, indexed_posts(connection))
    with open_blog() as blog:
        blog.posts.update(bob, posts[2].id, body="Salt water")  # on SQLite, it is pending
    store.migrate("0009")
    if not are_marked:
        with store.dialect.migration_transaction(store.engine) as connection:
            for statement in WITHOUT_MARKS[store.engine.dialect.name]:
                connection.exec_driver_sql(statement)
    store.migrate()
    first, second, third = (post.id for post in posts)
    with store() as stores:
        for filters, expected in [
            (PostFilter(tags=["fish"]), [third, first]),
            (PostFilter(all_tags=["fish", "two words"]), [first]),
            (PostFilter(authors=["ann"]), [second, first]),
            (PostFilter(authors=["ann"], tags=["fish", "none"]), [first]),
        ]:
            hits = stores.index.find(EVERYBODY, SearchQuery.of("sea salt"), limit=9, **filters)
            assert [hit.post.id for hit in hits] == expected
        assert [hit.in_title for hit in stores.index.find(EVERYBODY, SearchQuery.of("sea"), limit=9)] == [True] * 3


def test_a_downgrade_to_the_first_version_removes_only_newer_data(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
        blog.accounts.complete_login(blog.throttle.reserve("ann", "192.0.2.1"), "ann", PASSWORD, "", None)
        blog.throttle.reserve("ann", "192.0.2.2")
        blog.invitations.create(Operator())
        blog.audit.seal(limit=2)
    store.migrate("0001")
    with store.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version", "users", "tokens", "posts"}
        assert connection.exec_driver_sql("SELECT id, username FROM users").all() == [(ann.id, "ann")]
        assert len(connection.exec_driver_sql("SELECT id FROM tokens").all()) == 1
    store.migrate()
    with store.engine.connect() as connection:
        empty = [name for name in metadata.tables if not connection.exec_driver_sql(f"SELECT 1 FROM {name}").all()]
    assert set(empty) == set(metadata.tables) - {"users", "usernames", "tokens"}


def test_a_full_downgrade_leaves_no_table(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        blog.posts.create(as_member(blog.users.add(Operator(), "ann", PASSWORD)), title="Hello", body="World")
    store.migrate("base")
    assert not store.is_migrated()
    with store.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    store.migrate()
    assert store.is_migrated()
    with open_blog() as blog:
        assert blog.posts.page().posts == []


def fail_after(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)
    raise ZeroDivisionError


def test_a_failed_migration_changes_nothing(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
    with pytest.raises(ZeroDivisionError), store.dialect.migration_transaction(store.engine) as connection:
        fail_after(connection, "DROP TABLE response_posts", "DELETE FROM tokens", "DELETE FROM users")
    with open_blog() as blog:
        assert list(blog.users.page(Operator())) == [ann]
        assert blog.posts.page().posts == []


def test_a_migration_that_breaks_a_foreign_key_fails(sqlite: SqlStore) -> None:
    with (
        pytest.raises(RuntimeError, match="foreign key"),
        sqlite.dialect.migration_transaction(sqlite.engine) as connection,
    ):
        connection.exec_driver_sql(AN_ORPHAN)
    with sqlite.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_tables_of_a_newer_version_are_not_changed(store: SqlStore) -> None:
    def set_revision(revision: str) -> None:
        with store.dialect.migration_transaction(store.engine) as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")

    set_revision("9999")
    with pytest.raises(ForeignTables, match="newer version"):
        store.migrate()
    assert not store.is_migrated()
    set_revision(REVISION)


def test_tables_of_other_programs_are_not_changed(file: Path, store: SqlStore) -> None:
    other = SqlStore(f"sqlite:///{file.parent / 'others.db'}")
    with other.dialect.migration_transaction(other.engine) as connection:
        connection.exec_driver_sql("CREATE TABLE users (name TEXT)")
    with pytest.raises(ForeignTables, match="not this blog's"):
        other.migrate()
    other.close()


def migrate(url: str) -> bool:
    store = SqlStore(url)
    try:
        store.migrate()
        return store.is_migrated()
    finally:
        store.close()


def test_several_processes_migrate_an_empty_postgresql_concurrently(postgresql_url: str, postgresql: SqlStore) -> None:
    postgresql.migrate("base")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("DROP TABLE alembic_version")
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
        assert list(processes.map(migrate, [postgresql_url] * 3)) == [True] * 3


POSTS_BEFORE_0009 = """
INSERT INTO posts (id, title, body, author_id, created_at, updated_at, version, title_key) VALUES
(7, 'Hello', 'World', {author}, '2024-02-29T12:00:00.000001+00:00', '2024-03-01T12:00:00.000002+00:00', 3, 'hello'),
(9, 'Ålesund', 'Fjord', {author}, '2024-02-29T12:00:00.000003+00:00', '2024-02-29T12:00:00.000003+00:00', 1, 'alesund')
"""


@pytest.fixture
def of_revision_0008(store: SqlStore, open_blog: OpenBlog) -> SqlStore:
    """Return a store as the version before there were drafts left it. Its last post, number 11, was deleted."""
    with open_blog() as blog:
        ann = blog.users.add(Operator(), "ann", PASSWORD)
        for scopes in ({Scope.POSTS_READ}, {Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.ACCOUNT}):
            blog.tokens.issue(ann, scopes=scopes)
    store.migrate("0008")
    with store.dialect.migration_transaction(store.engine) as connection:
        connection.exec_driver_sql(POSTS_BEFORE_0009.format(author=ann.id))
        store.dialect.set_last_id(connection, "posts", 11)
        for post_id, title, body in ((7, " hello ", " world "), (9, " alesund ", " fjord ")):
            connection.exec_driver_sql(INDEXED[connection.dialect.name].format(post_id, title, body))
    return store


INDEXED = {
    "sqlite": "INSERT INTO pending_posts (cumulative_weight, id, title, body) VALUES ({0}, {0}, '{1}', '{2}')",
    "postgresql": "INSERT INTO post_words (id, title, body) VALUES ({}, '{}', '{}')",
}


def check_posts_of_revision_0008(store: SqlStore) -> None:
    """Check that each post was published when it was created, and that nothing else about it changed."""
    first, second = (NOON.replace(microsecond=number) for number in (1, 3))
    with create_blog(store)() as blog:
        posts = list(blog.posts.page(SortOrder.OLDEST).posts)
        assert [(post.id, post.title, post.body, post.author) for post in posts] == [
            (7, "Hello", "World", "ann"),
            (9, "Ålesund", "Fjord", "ann"),
        ]
        assert [(post.created_at, post.published_at) for post in posts] == [(first, first), (second, second)]
        changed = NOON.replace(microsecond=2) + timedelta(days=1)
        assert [(post.updated_at, post.version) for post in posts] == [(changed, 3), (second, 1)]
        assert list(blog.posts.page(SortOrder.UPDATED).posts) == posts
        assert list(blog.posts.page(SortOrder.TITLE).posts) == posts[::-1]
        assert [each.post.id for each in blog.search.find("fjord").results] == [9]
        ann = blog.users.get_by_username(Operator(), "ann")
        assert {token.scopes for token in blog.tokens.list_for(Operator(), ann.id)} == {
            frozenset({Scope.POSTS_READ}),
            frozenset({Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH, Scope.ACCOUNT}),
        }
        assert blog.posts.create(as_member(ann), title="Next", body="…").id == 12


def test_posts_of_the_version_without_drafts_were_published_when_they_were_created(of_revision_0008: SqlStore) -> None:
    of_revision_0008.migrate()
    check_posts_of_revision_0008(of_revision_0008)


def test_the_copy_of_the_posts_has_the_foreign_keys_of_the_original(of_revision_0008: SqlStore) -> None:
    store = of_revision_0008
    store.migrate()
    with store.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        else:
            connection.exec_driver_sql("DELETE FROM posts WHERE id = 7")
            assert connection.exec_driver_sql("SELECT id FROM post_words").scalars().all() == [9]
        with pytest.raises(ConcurrencyConflict):
            connection.exec_driver_sql("DELETE FROM users")


def kill_in_migration(url: str, step: str) -> None:
    """Migrate, and be killed at the first use of this operation of Alembic."""
    setattr(op, step, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    SqlStore(url).migrate()


@pytest.mark.parametrize("step", ["create_table", "create_index", "drop_table", "rename_table"])
def test_a_migration_that_was_killed_starts_over(
    of_revision_0008: SqlStore, file: Path, request: pytest.FixtureRequest, step: str
) -> None:
    store = of_revision_0008
    is_sqlite = store.engine.dialect.name == "sqlite"
    url = f"sqlite:///{file}" if is_sqlite else request.getfixturevalue("postgresql_url")
    store.close()
    process = multiprocessing.get_context("spawn").Process(target=kill_in_migration, args=(url, step))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    store.migrate()
    check_posts_of_revision_0008(store)


@pytest.mark.parametrize("published_at", [None, NOON + timedelta(days=365 * 1000)], ids=["draft", "scheduled"])
def test_a_downgrade_does_not_publish_what_is_hidden(
    store: SqlStore, open_blog: OpenBlog, published_at: datetime | None
) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        status = Status.DRAFT if published_at is None else None
        post = blog.posts.create(ann, title="Secret", body="…", status=status, published_at=published_at)
    with pytest.raises(RuntimeError, match="drafts"):
        store.migrate("0008")
    with open_blog() as blog:
        assert blog.posts.get(post.id, ann) == post
        blog.posts.delete(ann, post.id, permanently=True)
    store.migrate("0008")


def test_a_downgrade_does_not_show_the_trash(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        kept, deleted = (blog.posts.create(ann, title=title, body="…") for title in ("Kept", "Deleted"))
        blog.posts.delete(ann, deleted.id)
    with pytest.raises(RuntimeError, match="show the trash among the drafts"):
        store.migrate("0014")
    with open_blog() as blog:
        assert blog.trash.get(ann, deleted.id).title == "Deleted"
        blog.trash.delete(ann, deleted.id)
    store.migrate("0014")
    store.migrate()
    with open_blog() as blog:
        assert blog.posts.page().posts == [kept]


def test_readers_of_postgresql_wait_only_for_the_exchange_of_the_tables(
    postgresql: SqlStore, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql.migrate("0008")
    foreign_key, drop = op.create_foreign_key, op.drop_constraint
    seen: list[str] = []

    def read(what: str) -> None:
        with psycopg.connect(postgresql_url, options="-c lock_timeout=100ms") as connection:
            try:
                connection.execute("SELECT count(*) FROM posts JOIN post_words USING (id)")
            except psycopg.errors.LockNotAvailable:
                seen.append(f"{what}: waits")
            else:
                seen.append(f"{what}: reads")

    def last_long_step(*arguments: Any, **options: Any) -> None:
        foreign_key(*arguments, **options)
        read("before")

    def first_short_step(*arguments: Any, **options: Any) -> None:
        drop(*arguments, **options)
        read("in the exchange")

    monkeypatch.setattr(op, "create_foreign_key", last_long_step)
    monkeypatch.setattr(op, "drop_constraint", first_short_step)
    postgresql.migrate()
    assert seen == ["before: reads", "in the exchange: waits"]


def test_posts_of_the_version_without_summaries_get_their_first_paragraphs(
    store: SqlStore, open_blog: OpenBlog
) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        bodies = [f"Paragraph *{number}*.\n\nMore." for number in range(3)]
        posts = [blog.posts.create(ann, title="Hello", body=body) for body in (*bodies, "![](/x)")]
        blog.posts.delete(ann, posts[1].id, permanently=True)
    store.migrate("0010")
    store.migrate()
    with open_blog() as blog:
        assert [blog.posts.get(post.id) for post in (posts[0], *posts[2:])] == [posts[0], *posts[2:]]
        assert [post.shown_summary for post in posts] == ["Paragraph 0.", "Paragraph 1.", "Paragraph 2.", None]


def test_a_store_without_a_renderer_migrates_too(sqlite: SqlStore, file: Path) -> None:
    with create_blog(sqlite)() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        post = blog.posts.create(ann, title="Hello", body="World")
    sqlite.migrate("0010")
    with closing(SqlStore(file)) as other:
        other.migrate()
        with create_blog(other)() as blog:
            assert blog.posts.get(post.id).shown_summary is None
            assert blog.posts.update(ann, post.id, body="World!").shown_summary == "World!"


def test_posts_of_the_version_without_revisions_keep_their_next_versions(store: SqlStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
        draft, post = (
            blog.posts.create(ann, title="Hello", body="World", status=status) for status in (Status.DRAFT, None)
        )
        post = blog.posts.update(ann, post, body="Second")
    store.migrate("0012")
    store.migrate()
    with open_blog() as blog:
        assert blog.posts.get(post.id) == post
        assert [each.number for each in blog.revisions.page(ann, post.id).revisions] == [2]
        with pytest.raises(RevisionNotFound):
            blog.revisions.get(ann, post.id, 1)
        for each in (draft, post):
            changed = blog.posts.update(ann, each.id, title="Changed")
            assert blog.revisions.get(ann, each.id, each.version) == Revision.of(each)
            assert blog.revisions.get(ann, each.id, changed.version) == Revision.of(changed)
        blog.posts.delete(ann, post.id, permanently=True)
        assert [placed.revision for placed in blog._stores.revisions.written_by(ann.user_id, limit=9)] == [
            Revision.of(draft)
        ]
