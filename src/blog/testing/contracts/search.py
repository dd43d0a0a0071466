"""The contract of `PostIndex`: it finds what `SearchQuery.matches` matches, in the order of search positions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores
from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.post import Post
from blog.domain.search.index import Hit, SearchPosition
from blog.domain.search.query import SearchQuery

from .fixtures import HOSTILE_TEXTS, Failed, not_given
from .lists import FILTERS, add_many
from .phrases import SAYINGS, Saying, any_texts, queries, texts
from .posts import NO_POSTS, a_post, add_user
from .search_model import change_some, expected, found, hits, keep, put, rank, remove, save, walked

LONG: Final = 100_000
TICK: Final = timedelta(microseconds=1)


class PostIndexContract:
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    searches: int = 40
    """The number of examples."""

    @pytest.fixture
    def open_stores(self) -> OpenStores:
        """The stores to be tested."""
        not_given(self, "open_stores", "an OpenStores on empty stores")

    @pytest.fixture
    def author(self, open_stores: OpenStores) -> User:
        """An author."""
        return add_user(open_stores, "ann")

    @pytest.fixture
    def posts(self, open_stores: OpenStores) -> list[Post]:
        """Posts of three authors that say "found", some of them in the title."""
        kept = add_many(open_stores)
        posts = [
            replace(post, **{"title" if number % 3 else "body": f"Found {number}"})  # type: ignore[arg-type]  # texts
            for number, post in enumerate(kept)
        ]
        with open_stores() as stores:
            for before, post in zip(kept, posts, strict=True):
                save(stores, post, previous=before)
        return posts

    @pytest.mark.parametrize("saying", SAYINGS, ids=lambda saying: saying.text[:20])
    def test_what_a_post_says_is_found_by_it(self, open_stores: OpenStores, author: User, saying: Saying) -> None:
        other = replace(a_post(author), title="Nothing", body="else")
        in_title, in_body, _ = keep(
            open_stores, [replace(other, title=saying.text), replace(other, body=saying.text), other]
        )
        with open_stores() as stores:
            for text in saying.found_by:
                assert hits(stores, text) == [Hit(in_title, in_title=True), Hit(in_body, in_title=False)], text
            for text in saying.not_found_by:
                assert found(stores, text) == [], text

    def test_what_the_query_says_is_what_is_found(self, open_stores: OpenStores, author: User) -> None:
        posts: list[Post] = []

        @settings(
            max_examples=self.searches, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
        @given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5), st.lists(queries, min_size=1, max_size=12))
        def search(said: Sequence[tuple[str, str]], asked: Sequence[str]) -> None:
            with open_stores() as stores:
                for post in posts:
                    remove(stores, post)
                posts[:] = [put(stores, replace(a_post(author), title=title, body=body)) for title, body in said]
                own = [hits(stores, text) for text in asked]
            with open_stores() as stores:
                assert [hits(stores, text) for text in asked] == own
                assert own == [expected(posts, text) for text in asked]
                assert [stores.index.count(SearchQuery.of(text)) for text in asked] == [len(each) for each in own]

        search()

    def test_any_text_is_a_query(self, open_stores: OpenStores, author: User) -> None:
        posts = keep(open_stores, [replace(a_post(author), title="a title", body=text) for text in HOSTILE_TEXTS])

        @settings(max_examples=3 * self.searches, database=None, deadline=None)
        @given(any_texts)
        def search(text: str) -> None:
            with open_stores() as stores:
                assert hits(stores, text) == expected(posts, text)
                assert stores.index.count(SearchQuery.of(text)) == len(expected(posts, text))

        search()

    @pytest.mark.parametrize("text", HOSTILE_TEXTS)
    def test_any_text_is_found_by_itself(self, open_stores: OpenStores, author: User, text: str) -> None:
        posts = keep(open_stores, [replace(a_post(author), title=text[:200], body=text), a_post(author)])
        with open_stores() as stores:
            assert hits(stores, text) == expected(posts, text)
            assert hits(stores, f'"{text}"') == expected(posts, f'"{text}"')

    @pytest.mark.parametrize("filler", ["x ", "\u65e5", "x" * 10_000 + " ", "many "])
    def test_a_phrase_is_found_however_far_behind_it_is(
        self, open_stores: OpenStores, author: User, filler: str
    ) -> None:
        end = " the very, end"
        body = filler * min((LONG - len(end)) // len(filler), 25_000) + end
        broken = body[2:].replace("very,", "very of")
        whole, _ = keep(open_stores, [replace(a_post(author), body=text) for text in (body, broken)])
        with open_stores() as stores:
            for text in ('"very end"', '"the very en*"', "the -of"):
                assert found(stores, text) == [whole], text
            for text in ('"the end"', '"end very"', "very -end", '"very end the"'):
                assert found(stores, text) == [], text

    def test_a_post_of_as_many_words_as_fit_is_found_by_each(self, open_stores: OpenStores, author: User) -> None:
        words = [f"{number:x}" for number in range(16**4, 16**4 + LONG // 6)]
        (post,) = keep(open_stores, [replace(a_post(author), body=" ".join(words))])
        with open_stores() as stores:
            for word in (words[0], words[-1], words[-1][:-1] + "*", f'"{words[-2]} {words[-1]}"'):
                assert found(stores, word) == [post]

    def test_whose_title_says_it_comes_first_and_then_the_newest(
        self, open_stores: OpenStores, posts: list[Post]
    ) -> None:
        titled = [post for post in posts if post.title.startswith("Found")]
        others = [post for post in posts if post not in titled]
        expected = [Hit(post, in_title=True) for post in titled[::-1]] + [
            Hit(post, in_title=False) for post in others[::-1]
        ]
        with open_stores() as stores:
            for limit in (1, 5, len(posts), 101):
                assert hits(stores, "found", limit=limit) == expected[:limit]

    def test_a_page_goes_on_after_a_standing_whether_or_not_a_post_is_there(
        self, open_stores: OpenStores, posts: list[Post]
    ) -> None:
        with open_stores() as stores:
            for post in posts[1::4]:
                remove(stores, post)
        left = expected([post for post in posts if post not in posts[1::4]], "found")
        standings = [
            SearchPosition(in_title, post_id)
            for in_title in (True, False)
            for post_id in [*NO_POSTS, *(post.id for post in posts)]
        ]
        with open_stores() as stores:
            for after in standings:
                rest = [hit for hit in left if rank(hit) < (after.in_title, after.id)]
                assert hits(stores, "found", after=after) == rest
                assert hits(stores, "found", limit=2, after=after) == rest[:2]

    def test_only_those_are_found_and_counted_that_are_asked_for(
        self, open_stores: OpenStores, posts: list[Post]
    ) -> None:
        with open_stores() as stores:
            for filters in FILTERS:
                for text in ("found", "fou* -1*", "nothing"):
                    assert hits(stores, text, **filters) == expected(posts, text, **filters)
                    assert walked(stores, text, **filters) == expected(posts, text, **filters)
                    assert stores.index.count(SearchQuery.of(text), **filters) == len(expected(posts, text, **filters))

    def test_what_is_put_again_is_found_by_what_it_says_now(self, open_stores: OpenStores, author: User) -> None:
        first, other = keep(open_stores, [replace(a_post(author), title="one two", body="three"), a_post(author)])
        now = replace(first, title="three", body="two four", version=8)
        with open_stores() as stores:
            save(stores, now, previous=first)
            stores.index.put(now)  # which changes nothing
            assert {text: found(stores, text) for text in ("one", "two", "title")} == {
                "one": [],
                "two": [now],
                "title": [other],
            }
        with open_stores() as stores:
            assert hits(stores, "three") == [Hit(now, in_title=True)]
            assert hits(stores, "two") == [Hit(now, in_title=False)]
            assert hits(stores, "four three -one") == [Hit(now, in_title=False)]
            assert hits(stores, '"three two"') == []  # which would begin in the title and end in the body
            assert hits(stores, "one") == hits(stores, "one", authors=["ann"]) == []

    def test_what_is_removed_is_found_no_longer_and_may_be_removed_again(
        self, open_stores: OpenStores, author: User
    ) -> None:
        first, second, third = keep(open_stores, [a_post(author)] * 3)
        with open_stores() as stores:
            remove(stores, first)
            stores.index.remove(second.id)
            for post_id in (first.id, second.id, *NO_POSTS):
                stores.index.remove(post_id)
            assert found(stores, "title") == [third]
        with open_stores() as stores:
            assert found(stores, "title") == [third]
            assert hits(stores, "title", authors=["ann"]) == [Hit(third, in_title=True)]
            stores.index.put(second)
        with open_stores() as stores:
            assert found(stores, "title") == [second, third]

    def test_a_unit_finds_what_it_has_written_and_others_do_not(
        self, open_stores: OpenStores, posts: list[Post]
    ) -> None:
        texts = ["found", "changed", "title", "found -1*"]
        with open_stores() as other, open_stores() as stores:
            now = change_some(stores, posts)
            for one, seen in ((stores, now), (other, posts)):
                for text in texts:
                    assert hits(one, text) == expected(seen, text)
                    assert walked(one, text, authors=["ANN"]) == expected(seen, text, authors=["ann"])
                    assert one.index.count(SearchQuery.of(text)) == len(expected(seen, text))
        with open_stores() as stores:
            assert [hits(stores, text) for text in texts] == [expected(now, text) for text in texts]

    def test_a_unit_that_fails_leaves_the_index_as_it_was(self, open_stores: OpenStores, posts: list[Post]) -> None:
        with pytest.raises(Failed), open_stores() as stores:
            change_some(stores, posts)
            assert len(hits(stores, "changed")) == 2
            raise Failed
        with open_stores() as stores:
            for text in ("found", "changed", "title", "found -1*"):
                assert hits(stores, text) == expected(posts, text)

    def test_what_is_found_has_the_name_that_its_author_has_now(
        self, open_stores: OpenStores, posts: list[Post]
    ) -> None:
        renamed = [replace(post, author="anna") if post.author == "ann" else post for post in posts]
        with open_stores() as stores:
            ann = stores.users.find("ann")
            assert ann is not None
            stores.users.save(replace(ann, user=replace(ann.user, username="anna")))
            assert hits(stores, "found") == expected(renamed, "found")
        with open_stores() as stores:
            for filters in (PostFilter(), PostFilter(authors=["ANNA"]), PostFilter(authors=["ann"])):
                assert hits(stores, "found", **filters) == expected(renamed, "found", **filters)
            assert found(stores, "anna") == []
