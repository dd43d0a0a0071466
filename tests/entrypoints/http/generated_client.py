"""A program written against the client that openapi-python-client makes from the OpenAPI document.

It logs in, and creates, reads, lists, tags, replaces, changes, publishes and deletes a post, with the types that the
client has. It is type-checked, and run against a real server, by `test_generated_client.py`.
"""

import os
from datetime import UTC, datetime
from http import HTTPStatus

from blog_client import AuthenticatedClient, Client
from blog_client.api.accounts import log_in
from blog_client.api.posts import (
    apply_batch,
    create_post,
    delete_post,
    get_post,
    get_post_by_slug,
    list_posts,
    list_tags,
    publish_post,
    replace_post,
    unpublish_post,
    update_post,
)
from blog_client.models import (
    BatchIn,
    BatchOut,
    CreateOperation,
    CreateOperationOp,
    DeleteOperation,
    ListPostsStatus,
    LoginIn,
    LoginOut,
    PageOut,
    PostIn,
    PostOut,
    PostPart,
    PostPatch,
    PostPut,
    Problem,
    PublishIn,
    PublishOperation,
    Status,
    TagsOut,
    UnpublishOperation,
    UpdateOperation,
    UpdateOperationOp,
)
from blog_client.types import Unset


def signed_in(url: str, username: str, password: str) -> AuthenticatedClient:
    with Client(base_url=url) as client:
        answer = log_in.sync(client=client, body=LoginIn(username=username, password=password))
    assert isinstance(answer, LoginOut), answer
    return AuthenticatedClient(base_url=url, token=answer.token)


def create_and_read(client: AuthenticatedClient) -> PostOut:
    new = PostIn(title="Hello", body="World", slug="hello-to-all", tags=["Sea", "travel"])
    created = create_post.sync_detailed(client=client, body=new, idempotency_key="once")
    again = create_post.sync(client=client, body=new, idempotency_key="once")
    post = created.parsed
    assert created.status_code is HTTPStatus.CREATED
    assert isinstance(post, PostOut)
    assert again == post
    assert created.headers["location"] == f"/api/posts/{post.id}/"
    found = get_post.sync(post.id, client=client)
    assert isinstance(found, PostPart)
    assert (found.title, found.body, found.author) == ("Hello", "World", "alice")
    assert isinstance(found.created_at, datetime)
    assert get_post_by_slug.sync("hello-to-all", client=client) == found
    assert (found.slug, found.tags) == ("hello-to-all", ["Sea", "travel"])
    return post


def list_them(client: AuthenticatedClient, post: PostOut) -> None:
    page = list_posts.sync(client=client, author=["alice"], published_before=datetime(2100, 1, 1, tzinfo=UTC), limit=1)
    assert isinstance(page, PageOut)
    assert page.results[0].id == post.id
    first: str | None = page.next_
    assert first is None
    hits = list_posts.sync(client=client, q="hello", tag=["SEA", "lake"], tags_all=["travel"])
    assert isinstance(hits, PageOut)
    snippet = hits.results[0].snippet
    assert not isinstance(snippet, Unset)
    assert snippet.title == "<mark>Hello</mark>"
    tags = list_tags.sync(client=client, limit=1)
    assert isinstance(tags, TagsOut)
    assert [(tag.tag, tag.posts) for tag in tags.results] == [("Sea", 1)]
    assert tags.next_ is not None


def change(client: AuthenticatedClient, post: PostOut) -> None:
    replaced = replace_post.sync_detailed(post.id, client=client, body=PostPut(title="Anew", body="All of it"))
    assert isinstance(replaced.parsed, PostOut), replaced
    assert (replaced.parsed.title, replaced.parsed.body, replaced.parsed.version) == ("Anew", "All of it", 2)
    late = update_post.sync(post.id, client=client, body=PostPatch(title="Too late"), if_match='"1-alice"')
    assert isinstance(late, Problem)
    assert (late.status, late.version) == (412, 2)
    tag = replaced.headers["etag"]
    changed = update_post.sync(post.id, client=client, body=PostPatch(title="Better"), if_match=tag)
    assert isinstance(changed, PostOut), changed
    assert (changed.title, changed.body) == ("Better", "All of it")
    operations: list[CreateOperation | DeleteOperation | PublishOperation | UnpublishOperation | UpdateOperation] = [
        CreateOperation(op=CreateOperationOp.CREATE, title="Another", body="One", status=Status.DRAFT),
        UpdateOperation(op=UpdateOperationOp.UPDATE, id=post.id, title="Best"),
    ]
    done = apply_batch.sync(client=client, body=BatchIn(operations=operations))
    assert isinstance(done, BatchOut), done
    assert [result.status for result in done.results] == [201, 200]


def publish(client: AuthenticatedClient) -> None:
    draft = create_post.sync(client=client, body=PostIn(title="Later", body="On", status=Status.DRAFT))
    assert isinstance(draft, PostOut), draft
    assert (draft.status, draft.published_at) == (Status.DRAFT, None)
    drafts = list_posts.sync(client=client, status=ListPostsStatus.DRAFT)
    assert isinstance(drafts, PageOut)
    assert draft.id in [post.id for post in drafts.results]
    time = datetime(2100, 1, 1, tzinfo=UTC)
    scheduled = publish_post.sync(draft.id, client=client, body=PublishIn(at=time))
    assert isinstance(scheduled, PostOut), scheduled
    assert (scheduled.status, scheduled.published_at) == (Status.SCHEDULED, time)
    published = publish_post.sync(draft.id, client=client, if_match=f'"{scheduled.version}"')
    assert isinstance(published, PostOut), published
    assert published.status is Status.PUBLISHED
    unpublished = unpublish_post.sync(draft.id, client=client)
    assert isinstance(unpublished, PostOut), unpublished
    assert (unpublished.status, unpublished.version) == (Status.DRAFT, 4)


def delete(client: AuthenticatedClient, post: PostOut) -> None:
    assert delete_post.sync_detailed(post.id, client=client).status_code is HTTPStatus.NO_CONTENT
    gone = get_post.sync(post.id, client=client)
    assert isinstance(gone, Problem)
    assert gone.status == HTTPStatus.NOT_FOUND


def main() -> None:
    with signed_in(os.environ["URL"], "alice", os.environ["PASSWORD"]) as client:
        post = create_and_read(client)
        list_them(client, post)
        change(client, post)
        publish(client)
        delete(client, post)


main()
