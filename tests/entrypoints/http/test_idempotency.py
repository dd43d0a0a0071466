"""The blog promises, of requests that are sent once more under their `Idempotency-Key`, that…"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.entrypoints.http.houses import same
from tests.entrypoints.http.keys import KEY, POST, TAKING, on_both, posts, sends
from tests.entrypoints.http.visits import PASSWORD, Member, Site, StoppedClock, faulty, problem

from blog.domain.accounts.actors import Operator, Scope
from blog.domain.accounts.login import log_in

MALFORMED = ["", "two words", "\u00e9", '"', '"open', 'end"ed" ', '"a"b"', '"a\\b"', '""', '"a b"', "x" * 256, "a\tb"]
MALFORMED += ['"' + "x" * 256 + '"', '"a";b', ":YQ==:\x7f", '"a", "b"']


@pytest.fixture
def root(site: Site) -> Member:
    return site.member("root", is_admin=True)


@on_both
@pytest.mark.parametrize("what", ["create", "batch", "add"])
def test_what_is_asked_again_is_answered_as_before_and_done_once(
    site: Site, clock: StoppedClock, root: Member, what: str
) -> None:
    first = sends(root, what)
    assert first.is_success, first.text
    assert "idempotency-replayed" not in first.headers
    with site.open_blog() as blog:
        done = (list(blog.posts.page().posts), list(blog.users.page(Operator())))
    for _ in range(2):
        clock.advance(hours=11)
        again = sends(root, what)
        assert again.headers.pop("idempotency-replayed") == "true"
        assert same(again) == same(first)
        with site.open_blog() as blog:
            assert (list(blog.posts.page().posts), list(blog.users.page(Operator()))) == done


@on_both
def test_what_was_done_since_changes_nothing_in_the_answer(alice: Member) -> None:
    first = sends(alice, "create")
    path = first.headers["location"]
    assert alice.ask("PATCH", path, json={"title": "Another"}).status_code == 200
    assert sends(alice, "create").json() == first.json()
    assert alice.ask("DELETE", path).status_code == 204
    assert sends(alice, "create").json() == first.json()
    problem(alice.ask("GET", path), 404)


@on_both
def test_another_request_under_a_key_is_refused(site: Site, alice: Member) -> None:
    assert sends(alice, "create").status_code == 201
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
def test_with_another_password_it_is_another_request(root: Member) -> None:
    assert sends(root, "add").status_code == 201
    other = {"username": "carol", "password": PASSWORD[::-1]}
    problem(root.ask("POST", "/api/users/", json=other, headers={"Idempotency-Key": KEY}), 422)


@on_both
def test_everybody_has_keys_of_their_own(site: Site, alice: Member, bob: Member) -> None:
    answers = [sends(member, "create") for member in (alice, bob)]
    assert [answer.json()["author"] for answer in answers] == ["alice", "bob"]
    assert not any("idempotency-replayed" in answer.headers for answer in answers)
    assert posts(site) == 2


@on_both
def test_one_has_the_same_keys_whichever_token_one_shows(site: Site, alice: Member) -> None:
    secret = log_in(site.open_blog, "alice", PASSWORD)[1].secret
    first, again = sends(alice, "create"), sends(Member(site, alice.id, "alice", secret), "create")
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")


@on_both
def test_of_six_that_are_sent_at_once_one_is_done_and_the_others_are_answered_as_it_is(
    site: Site, alice: Member
) -> None:
    headers = {"Idempotency-Key": KEY}
    answers = site.together(
        *(site.asking("POST", "/api/posts/", token=alice.token, json=POST, headers=headers) for _ in range(6))
    )
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
    assert posts(site) == 1


@on_both
def test_an_invitation_is_made_once_and_its_code_told_once(site: Site, root: Member) -> None:
    first = sends(root, "invite")
    assert first.status_code == 201
    again = problem(sends(root, "invite"), 409)
    assert again["detail"].startswith("This request was processed before")
    assert first.json()["code"] not in str(again)
    assert len(root.ask("GET", "/api/invitations/").json()["results"]) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("abc", '"abc"'), ('a"b', '"a\\"b"'), ("a\\b", '"a\\\\b"'), ("x" * 255, "x" * 255)]
)
def test_a_key_is_the_same_in_quotes(site: Site, alice: Member, one: str, other: str) -> None:
    answers = [sends(alice, "create", key) for key in (one, other)]
    assert [answer.json()["id"] for answer in answers] == [1, 1]
    assert posts(site) == 1


@pytest.mark.parametrize("key", MALFORMED)
def test_a_malformed_key_is_named_and_nothing_is_done(site: Site, alice: Member, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    assert faulty(alice.ask("POST", "/api/posts/", json=POST, headers=headers)) == ["Idempotency-Key"]
    assert posts(site) == 0


def test_two_keys_are_refused_even_if_they_are_the_same(site: Site, alice: Member) -> None:
    for other in (KEY, "another"):
        twice = [("Idempotency-Key", KEY), ("idempotency-key", other)]
        answer = alice.ask("POST", "/api/posts/", json=POST, headers=twice)
        assert faulty(answer) == ["Idempotency-Key"]
    assert posts(site) == 0


@given(key=st.binary(max_size=20).filter(lambda key: not set(key) & {0, 10, 13}))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_as_a_key_is_one_or_is_refused(alice: Member, key: bytes) -> None:
    answer = alice.ask("POST", "/api/posts/", json=POST, headers=[(b"Idempotency-Key", key)])
    assert answer.status_code in {201, 400}


def test_whoever_may_not_hears_that_before_anything_is_said_of_the_key(site: Site, alice: Member, root: Member) -> None:
    reader = log_in(site.open_blog, "alice", PASSWORD, scopes={Scope.POSTS_READ})[1].secret
    for what in ("create", "batch"):
        assert sends(alice, what, f"{KEY}-{what}").is_success
        for key in (f"{KEY}-{what}", "two words"):
            problem(sends(Member(site, alice.id, "alice", "no token"), what, key), 401)
            problem(sends(Member(site, alice.id, "alice", reader), what, key), 403)
    for what in ("add", "invite"):
        assert sends(root, what, f"{KEY}-{what}").is_success
        problem(sends(alice, what, "two words"), 403)
    site.member("chief", is_admin=True)
    with site.open_blog() as blog:
        blog.users.update(Operator(), blog.users.get_by_username(Operator(), "root").id, is_admin=False)
    for what in ("add", "invite"):
        problem(sends(root, what, f"{KEY}-{what}"), 403)


def test_logging_in_and_out_take_no_key(site: Site, alice: Member) -> None:
    headers = {"Idempotency-Key": "two words"}
    credentials = {"username": "alice", "password": PASSWORD}
    tokens = [site.ask("POST", "/api/login/", json=credentials, headers=headers).json()["token"] for _ in range(2)]
    assert len(set(tokens)) == 2
    answers = [site.ask("POST", "/api/logout/", token=tokens[0], headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 401]


def test_the_document_says_where_a_key_is_taken(site: Site) -> None:
    document = site.ask("GET", "/schema/openapi.json").json()
    taking = {
        f"{method} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "Idempotency-Key" in {parameter["name"] for parameter in operation.get("parameters", [])}
    }
    assert taking == {f"post {path}" for path, _ in TAKING.values()}
    for path, _ in TAKING.values():
        assert "422" in document["paths"][path]["post"]["responses"]
