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

from .fixtures import EVERYBODY, HOSTILE_TEXTS, Failed
from .lists import FILTERS, add_many
from .phrases import SAYINGS, SearchExample, any_texts, queries, texts
from .posts import NO_POSTS, AuthorFixture, make_post
from .search_model import add_posts, all_pages, change_some, expected, found, hits, put, rank, remove, save

LONG: Final = 100_000
TICK: Final = timedelta(microseconds=1)


class PostIndexContract(AuthorFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    searches: int = 40
    """The number of examples."""

    @pytest.fixture
    def posts(self, open_stores: OpenStores) -> list[Post]:
        """Posts of three authors that say "found", some of them in the title."""
        stored = add_many(open_stores)
        posts = [
            replace(post, **{"title" if number % 3 else "body": f"Found {number}"})  # type: ignore[arg-type]  # texts
            for number, post in enumerate(stored)
        ]
        with open_stores() as stores:
            for before, post in zip(stored, posts, strict=True):
                save(stores, post, previous=before)
        return posts

    @pytest.mark.parametrize("saying", SAYINGS, ids=lambda saying: saying.text[:20])
    def test_a_post_is_found_by_its_words(self, open_stores: OpenStores, author: User, saying: SearchExample) -> None:
        other = replace(make_post(author), title="Nothing", body="else")
        in_title, in_body, _ = add_posts(
            open_stores, [replace(other, title=saying.text), replace(other, body=saying.text), other]
        )
        with open_stores() as stores:
            for text in saying.found_by:
                assert hits(stores, text) == [Hit(in_title, in_title=True), Hit(in_body, in_title=False)], text
            for text in saying.not_found_by:
                assert found(stores, text) == [], text

    def test_results_match_the_query(self, open_stores: OpenStores, author: User) -> None:
        posts: list[Post] = []

        @settings(
            max_examples=self.searches, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
        @given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5), st.lists(queries, min_size=1, max_size=12))
        def search(tokenized: Sequence[tuple[str, str]], asked: Sequence[str]) -> None:
            with open_stores() as stores:
                for post in posts:
                    remove(stores, post)
                posts[:] = [
                    put(stores, replace(make_post(author), title=title, body=body)) for title, body in tokenized
                ]
                own = [hits(stores, text) for text in asked]
            with open_stores() as stores:
                assert [hits(stores, text) for text in asked] == own
                assert own == [expected(posts, text) for text in asked]
                assert [stores.index.count(EVERYBODY, SearchQuery.of(text)) for text in asked] == [
                    len(each) for each in own
                ]

        search()

    def test_any_text_is_a_query(self, open_stores: OpenStores, author: User) -> None:
        posts = add_posts(
            open_stores, [replace(make_post(author), title="a title", body=text) for text in HOSTILE_TEXTS]
        )

        @settings(max_examples=3 * self.searches, database=None, deadline=None)
        @given(any_texts)
        def search(text: str) -> None:
            with open_stores() as stores:
                assert hits(stores, text) == expected(posts, text)
                assert stores.index.count(EVERYBODY, SearchQuery.of(text)) == len(expected(posts, text))

        search()

    @pytest.mark.parametrize("text", HOSTILE_TEXTS)
    def test_any_text_finds_itself(self, open_stores: OpenStores, author: User, text: str) -> None:
        posts = add_posts(open_stores, [replace(make_post(author), title=text[:200], body=text), make_post(author)])
        with open_stores() as stores:
            assert hits(stores, text) == expected(posts, text)
            assert hits(stores, f'"{text}"') == expected(posts, f'"{text}"')

    @pytest.mark.parametrize("filler", ["x ", "\u65e5", "x" * 10_000 + " ", "many "])
    def test_a_phrase_is_found_anywhere_in_a_long_post(
        self, open_stores: OpenStores, author: User, filler: str
    ) -> None:
        end = " the very, end"
        body = filler * min((LONG - len(end)) // len(filler), 25_000) + end
        broken = body[2:].replace("very,", "very of")
        everything, _ = add_posts(open_stores, [replace(make_post(author), body=text) for text in (body, broken)])
        with open_stores() as stores:
            for text in ('"very end"', '"the very en*"', "the -of"):
                assert found(stores, text) == [everything], text
            for text in ('"the end"', '"end very"', "very -end", '"very end the"'):
                assert found(stores, text) == [], text

    def test_a_post_with_the_maximum_of_words_is_found_by_each(self, open_stores: OpenStores, author: User) -> None:
        words = [f"{number:x}" for number in range(16**4, 16**4 + LONG // 6)]
        (post,) = add_posts(open_stores, [replace(make_post(author), body=" ".join(words))])
        with open_stores() as stores:
            for word in (words[0], words[-1], words[-1][:-1] + "*", f'"{words[-2]} {words[-1]}"'):
                assert found(stores, word) == [post]

    def test_title_matches_come_first_then_the_newest(self, open_stores: OpenStores, posts: list[Post]) -> None:
        titled = [post for post in posts if post.title.startswith("Found")]
        others = [post for post in posts if post not in titled]
        expected = [Hit(post, in_title=True) for post in titled[::-1]] + [
            Hit(post, in_title=False) for post in others[::-1]
        ]
        with open_stores() as stores:
            for limit in (1, 5, len(posts), 101):
                assert hits(stores, "found", limit=limit) == expected[:limit]

    def test_a_page_of_results_begins_after_a_position_with_or_without_a_post(
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

    def test_results_and_count_pass_the_filters(self, open_stores: OpenStores, posts: list[Post]) -> None:
        with open_stores() as stores:
            for filters in FILTERS:
                for text in ("found", "fou* -1*", "nothing"):
                    assert hits(stores, text, **filters) == expected(posts, text, **filters)
                    assert all_pages(stores, text, **filters) == expected(posts, text, **filters)
                    assert stores.index.count(EVERYBODY, SearchQuery.of(text), **filters) == len(
                        expected(posts, text, **filters)
                    )

    def test_a_reindexed_post_is_found_by_its_current_words(self, open_stores: OpenStores, author: User) -> None:
        first, other = add_posts(
            open_stores, [replace(make_post(author), title="one two", body="three"), make_post(author)]
        )
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

    def test_a_removed_post_is_not_found_and_can_be_removed_again(self, open_stores: OpenStores, author: User) -> None:
        first, second, third = add_posts(open_stores, [make_post(author)] * 3)
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

    def test_a_unit_finds_its_own_uncommitted_posts_and_others_do_not(
        self, open_stores: OpenStores, posts: list[Post]
    ) -> None:
        texts = ["found", "changed", "title", "found -1*"]
        with open_stores() as other, open_stores() as stores:
            now = change_some(stores, posts)
            for one, seen in ((stores, now), (other, posts)):
                for text in texts:
                    assert hits(one, text) == expected(seen, text)
                    assert all_pages(one, text, authors=["ANN"]) == expected(seen, text, authors=["ann"])
                    assert one.index.count(EVERYBODY, SearchQuery.of(text)) == len(expected(seen, text))
        with open_stores() as stores:
            assert [hits(stores, text) for text in texts] == [expected(now, text) for text in texts]

    def test_a_failed_unit_does_not_change_the_index(self, open_stores: OpenStores, posts: list[Post]) -> None:
        with pytest.raises(Failed), open_stores() as stores:
            change_some(stores, posts)
            assert len(hits(stores, "changed")) == 2
            raise Failed
        with open_stores() as stores:
            for text in ("found", "changed", "title", "found -1*"):
                assert hits(stores, text) == expected(posts, text)

    def test_a_result_has_the_current_username_of_its_author(self, open_stores: OpenStores, posts: list[Post]) -> None:
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
