"""The scenario of posts gives the same results on each database as in memory and over HTTP."""

from tests.entrypoints.test_parity import expected
from tests.entrypoints.test_post_parity import STORY, PostUseCases, state_of

from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore


def test_a_database_gives_the_same_results_as_the_store_in_memory(store: SqlStore) -> None:
    in_memory, stored = PostUseCases(MemoryStore()), PostUseCases(store)
    for number, step in enumerate(STORY):
        told = f"step {number}: {step}"
        in_memory.run(step)
        assert stored.run(step) == expected(step), told
        with in_memory.open_blog() as one, stored.open_blog() as other:
            assert state_of(one) == state_of(other), told
