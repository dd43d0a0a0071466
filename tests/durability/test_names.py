"""One of many concurrent requests gets a username."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.database import PASSWORD
from tests.durability.stored import Stored

from blog.domain.accounts.actors import Operator
from blog.domain.accounts.user import UsernameTaken
from blog.domain.blog import OpenBlog

_SPELLINGS = ["nemo", "Nemo", "NEMO", "nEmo", "neMo", "nemO"]


def test_one_of_six_concurrent_requests_gets_a_username_in_any_case(stored: Stored) -> None:
    with stored.opened() as one, stored.opened() as other, ThreadPoolExecutor(6) as pool:
        for number in range(5):
            met = Barrier(6)
            names = [f"{spelling}{number}" for spelling in _SPELLINGS]
            added = [pool.submit(_add, [one, other][index % 2], name, met) for index, name in enumerate(names)]
            assert sorted(each.result() for each in added) == [False] * 5 + [True]
        with one() as blog:
            kept = [user.username.lower() for user in blog.users.page(Operator())]
    assert kept == [f"nemo{number}" for number in range(5)]


def _add(open_blog: OpenBlog, name: str, met: Barrier) -> bool:
    """Whether the name was had."""
    try:
        with open_blog() as blog:
            met.wait()
            blog.users.add(Operator(), name, PASSWORD)
    except UsernameTaken:
        return False
    return True
