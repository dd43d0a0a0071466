"""Several processes can serve one database file."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from tests.database import PASSWORD, Database
from tests.durability.writers import Writer, all_posts, assert_kept, writing
from tests.servers import Server, serving

from blog.domain.accounts.actors import Operator


def test_two_processes_lose_no_write(database: Database) -> None:
    token = database.log_in("alice")
    writers = [Writer(f"writer {index}", random.Random(index)) for index in range(6)]

    with serving(database.file) as one, serving(database.file) as other:
        with writing(writers, [one, other], token):
            while min(len(writer.statuses) for writer in writers) < 15:
                time.sleep(0.01)
        with one.client() as here, other.client() as there:
            assert all_posts(here) == all_posts(there)
            assert_kept(writers, all_posts(here))

    assert {status for writer in writers for status in writer.statuses} <= {200, 201, 204, 503}
    database.assert_sound()


def test_changes_to_one_post_in_two_processes_lose_no_update(database: Database) -> None:
    token = database.log_in("alice")
    with serving(database.file) as one, serving(database.file) as other, ThreadPoolExecutor() as pool:
        with one.client(token) as client:
            path = client.post("/api/posts/", json={"title": "Counted", "body": "Here."}).headers["location"]
        changes = [pool.submit(_changed, server, token, path, name) for server in (one, other) for name in "ab"]
        versions = [version for change in changes for version in change.result()]

    assert sorted(versions) == list(range(2, 42))


def _changed(server: Server, token: str, path: str, name: str) -> list[int]:
    """Change a post ten times, and give the versions that came of it."""
    with server.client(token) as client:
        titles = [f"{server.url} {name} {number}" for number in range(10)]
        return [client.patch(path, json={"title": title}).json()["version"] for title in titles]


def test_a_token_revoked_in_one_process_is_invalid_in_the_other(database: Database) -> None:
    with serving(database.file) as one, serving(database.file) as other:
        token = one.log_in("alice", PASSWORD)
        with one.client(token) as here, other.client(token) as there:
            assert there.get("/api/users/me/").status_code == 200
            assert here.post("/api/logout/").status_code == 204
            assert there.get("/api/users/me/").status_code == 401


def test_an_account_deactivated_at_the_console_is_inactive_in_the_server(database: Database) -> None:
    with serving(database.file) as server:
        token = server.log_in("alice", PASSWORD)
        with database.opened() as open_blog, open_blog() as blog:
            blog.users.update(Operator(), blog.users.get_by_username(Operator(), "alice").id, is_active=False)
        with server.client(token) as client:
            assert client.get("/api/users/me/").status_code == 401
            refused = client.post("/api/login/", json={"username": "alice", "password": PASSWORD})
            assert refused.status_code == 401
