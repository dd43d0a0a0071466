"""Several blogs in one process."""

from contextlib import ExitStack, closing

from tests.entrypoints.http.clients import Site

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.passwords import PasswordHasher
from blog.entrypoints.http import create_app


def test_several_blogs_in_one_process_are_independent(hasher: PasswordHasher) -> None:
    with ExitStack() as until_end:
        blogs = [create_blog(MemoryStore(), hasher=hasher) for _ in range(2)]
        sites = [Site(create_app(blog, require_if_match=bool(strict)), blog) for strict, blog in enumerate(blogs)]
        one, other = (until_end.enter_context(closing(site)) for site in sites)
        ann, bob = one.add_member("ann"), other.add_member("bob")
        post = ann.create_post("Here")
        assert [site.ask("GET", f"/api/posts/{post['id']}/").status_code for site in (one, other)] == [200, 404]
        assert other.ask("GET", "/api/tokens/", token=ann.token).status_code == 401
        theirs = bob.create_post("There")
        assert [each["title"] for each in other.ask("GET", "/api/posts/").json()["results"]] == ["There"]
        changes = [
            member.ask("PATCH", f"/api/posts/{each['id']}/", json={"title": "Changed"}).status_code
            for member, each in ((ann, post), (bob, theirs))
        ]
        assert changes == [200, 428]
