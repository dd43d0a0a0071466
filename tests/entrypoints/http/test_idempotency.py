"""Requests that are repeated with an `Idempotency-Key`."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, invalid_fields, problem
from tests.entrypoints.http.configured_sites import same
from tests.entrypoints.http.keyed_requests import KEY, POST, TAKING, on_both, posts, send_keyed

from blog.domain.accounts.actors import Operator, Scope
from blog.domain.accounts.login import log_in

MALFORMED = ["", "two words", "\u00e9", '"', '"open', 'end"ed" ', '"a"b"', '"a\\b"', '""', '"a b"', "x" * 256, "a\tb"]
MALFORMED += ['"' + "x" * 256 + '"', '"a";b', ":YQ==:\x7f", '"a", "b"']


@pytest.fixture
def root(site: Site) -> Member:
    return site.add_member("root", is_admin=True)


@on_both
@pytest.mark.parametrize("what", ["create", "batch", "add"])
def test_a_repeated_request_is_processed_once_and_gets_the_same_response(
    site: Site, clock: StoppedClock, root: Member, what: str
) -> None:
    first = send_keyed(root, what)
    assert first.is_success, first.text
    assert "idempotency-replayed" not in first.headers
    with site.open_blog() as blog:
        done = (list(blog.posts.page().posts), list(blog.users.page(Operator())))
    for _ in range(2):
        clock.advance(hours=11)
        again = send_keyed(root, what)
        assert again.headers.pop("idempotency-replayed") == "true"
        assert same(again) == same(first)
        with site.open_blog() as blog:
            assert (list(blog.posts.page().posts), list(blog.users.page(Operator()))) == done


@on_both
def test_later_changes_do_not_affect_the_replayed_response(alice: Member) -> None:
    first = send_keyed(alice, "create")
    path = first.headers["location"]
    assert alice.ask("PATCH", path, json={"title": "Another"}).status_code == 200
    assert send_keyed(alice, "create").json() == first.json()
    assert alice.ask("POST", f"{path}unpublish/").status_code == 200
    assert send_keyed(alice, "create").json() == first.json()


@on_both
@pytest.mark.parametrize("query", ["", "?permanently=true"])
@pytest.mark.parametrize("what", ["create", "batch"])
def test_a_response_that_shows_a_deleted_post_is_not_replayed(alice: Member, what: str, query: str) -> None:
    created = send_keyed(alice, what)
    post = created.json() if what == "create" else created.json()["results"][1]["post"]
    assert alice.ask("DELETE", f"/api/posts/{post['id']}/{query}").status_code == 204
    count = posts(alice.site)
    detail = problem(send_keyed(alice, what), 409)["detail"]
    assert detail.startswith("This request was processed before. Its response is not stored")
    assert posts(alice.site) == count


@on_both
def test_another_request_with_the_same_key_is_refused(site: Site, alice: Member) -> None:
    assert send_keyed(alice, "create").status_code == 201
    headers = {"Idempotency-Key": KEY, "Content-Type": "application/json"}
    others = [
        alice.ask("POST", "/api/posts/", json={**POST, "title": "Another"}, headers=headers),
        alice.ask("POST", "/api/posts/", content=b"no json", headers=headers),
        alice.ask("POST", "/api/posts/", json=POST, headers={**headers, "Content-Type": "text/plain"}),
        alice.ask("POST", "/api/posts/batch/", json=POST, headers=headers),
    ]
    for answer in others:
        told = problem(answer, 422)
        assert told["errors"] == [{"field": "Idempotency-Key", "message": "was used for another request"}]
    assert posts(site) == 1


@on_both
def test_a_request_with_another_password_is_another_request(root: Member) -> None:
    assert send_keyed(root, "add").status_code == 201
    other = {"username": "carol", "password": PASSWORD[::-1]}
    problem(root.ask("POST", "/api/users/", json=other, headers={"Idempotency-Key": KEY}), 422)


@on_both
def test_keys_of_different_users_do_not_conflict(site: Site, alice: Member, bob: Member) -> None:
    answers = [send_keyed(member, "create") for member in (alice, bob)]
    assert [answer.json()["author"] for answer in answers] == ["alice", "bob"]
    assert not any("idempotency-replayed" in answer.headers for answer in answers)
    assert posts(site) == 2


@on_both
def test_keys_are_shared_by_all_tokens_of_a_user(site: Site, alice: Member) -> None:
    secret = log_in(site.open_blog, "alice", PASSWORD)[1].secret
    first, again = send_keyed(alice, "create"), send_keyed(Member(site, alice.id, "alice", secret), "create")
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")


@on_both
def test_one_of_six_concurrent_requests_with_a_key_is_processed_and_all_get_its_response(
    site: Site, alice: Member
) -> None:
    headers = {"Idempotency-Key": KEY}
    answers = site.gather(
        *(site.ask_async("POST", "/api/posts/", token=alice.token, json=POST, headers=headers) for _ in range(6))
    )
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
    assert posts(site) == 1


@on_both
def test_an_invitation_is_created_once_and_its_code_is_shown_once(site: Site, root: Member) -> None:
    first = send_keyed(root, "invite")
    assert first.status_code == 201
    again = problem(send_keyed(root, "invite"), 409)
    assert again["detail"].startswith("This request was processed before")
    assert first.json()["code"] not in str(again)
    assert len(root.ask("GET", "/api/invitations/").json()["results"]) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("abc", '"abc"'), ('a"b', '"a\\"b"'), ("a\\b", '"a\\\\b"'), ("x" * 255, "x" * 255)]
)
def test_a_quoted_key_equals_a_bare_key(site: Site, alice: Member, one: str, other: str) -> None:
    answers = [send_keyed(alice, "create", key) for key in (one, other)]
    assert [answer.json()["id"] for answer in answers] == [1, 1]
    assert posts(site) == 1


@pytest.mark.parametrize("key", MALFORMED)
def test_a_malformed_key_is_refused_and_nothing_is_done(site: Site, alice: Member, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    assert invalid_fields(alice.ask("POST", "/api/posts/", json=POST, headers=headers)) == ["Idempotency-Key"]
    assert posts(site) == 0


def test_two_keys_are_refused_even_if_they_are_the_same(site: Site, alice: Member) -> None:
    for other in (KEY, "another"):
        twice = [("Idempotency-Key", KEY), ("idempotency-key", other)]
        answer = alice.ask("POST", "/api/posts/", json=POST, headers=twice)
        assert invalid_fields(answer) == ["Idempotency-Key"]
    assert posts(site) == 0


@given(key=st.binary(max_size=20).filter(lambda key: not set(key) & {0, 10, 13}))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_is_a_valid_key_or_is_refused(alice: Member, key: bytes) -> None:
    answer = alice.ask("POST", "/api/posts/", json=POST, headers=[(b"Idempotency-Key", key)])
    assert answer.status_code in {201, 400}


def test_a_missing_permission_is_reported_before_errors_of_the_key(site: Site, alice: Member, root: Member) -> None:
    reader = log_in(site.open_blog, "alice", PASSWORD, scopes={Scope.POSTS_READ})[1].secret
    for what in ("create", "batch"):
        assert send_keyed(alice, what, f"{KEY}-{what}").is_success
        for key in (f"{KEY}-{what}", "two words"):
            problem(send_keyed(Member(site, alice.id, "alice", "no token"), what, key), 401)
            problem(send_keyed(Member(site, alice.id, "alice", reader), what, key), 403)
    for what in ("add", "invite"):
        assert send_keyed(root, what, f"{KEY}-{what}").is_success
        problem(send_keyed(alice, what, "two words"), 403)
    site.add_member("chief", is_admin=True)
    with site.open_blog() as blog:
        blog.users.update(Operator(), blog.users.get_by_username(Operator(), "root").id, is_admin=False)
    for what in ("add", "invite"):
        problem(send_keyed(root, what, f"{KEY}-{what}"), 403)


def test_log_in_and_log_out_ignore_a_key(site: Site, alice: Member) -> None:
    headers = {"Idempotency-Key": "two words"}
    credentials = {"username": "alice", "password": PASSWORD}
    tokens = [site.ask("POST", "/api/login/", json=credentials, headers=headers).json()["token"] for _ in range(2)]
    assert len(set(tokens)) == 2
    answers = [site.ask("POST", "/api/logout/", token=tokens[0], headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 401]


def test_the_openapi_document_says_which_operations_take_a_key(site: Site) -> None:
    document = site.ask("GET", "/schema/openapi.json").json()
    taking = {
        f"{method} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "Idempotency-Key" in {parameter["name"] for parameter in operation.get("parameters", [])}
    }
    paths = {path.replace("/1/", "/{post_id}/") for path, _ in TAKING.values()}
    paths.add("/api/posts/{post_id}/revisions/{number}/restore/")
    assert taking == {f"post {path}" for path in paths}
    for path in paths:
        assert "422" in document["paths"][path]["post"]["responses"]
