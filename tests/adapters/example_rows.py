"""Rows in every table, for tests of backups."""

from collections.abc import Mapping, Sized

from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import Blog
from blog.domain.posts.post import Post


def store_a_row_of_each(blog: Blog, author: Member, post: Post, password: str) -> None:
    """Store a row of each kind for this author, besides the account, the post and the seals."""
    name = author.name
    blog.accounts.complete_login(blog.throttle.reserve(name, "192.0.2.1"), name, password, "a laptop", None)
    blog.throttle.reserve(name, "192.0.2.2")
    blog.working_copies.save(author, post.id, based_on=post.version, title="", body="not finished")
    blog.invitations.create(Operator())
    blog.posts.update(author, post, body="Another body")
    blog.previews.create(author, post.id, name="for the editor")
    blog.posts.get_for_update(author, post.id)
    blog.idempotency.run_once(author, "a-key", b"a request", b"an answer".strip)


def check_every_table_has_a_row(rows: Mapping[str, Sized]) -> None:
    """Check that every table has a row, so that no backup loses a table without a test that notices it."""
    empty = sorted(table for table, found in rows.items() if not found)
    assert not empty, f"{empty}: store a row of theirs in store_a_row_of_each(), in tests/adapters/example_rows.py"
