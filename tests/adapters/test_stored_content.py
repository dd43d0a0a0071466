"""The content of a post as one value of a column."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.adapters.sql.schema.content import decode_content, encode_content
from blog.domain.posts.post import MAX_BODY_LENGTH, PostContent

texts = st.text(st.characters(codec="utf-8"))
contents = st.builds(
    PostContent,
    title=texts,
    body=texts | st.builds(str.__mul__, texts, st.integers(0, 3000)),
    slug=texts | st.none(),
    tags=st.lists(texts).map(tuple),
)


@given(contents)
def test_content_comes_back_as_it_was_stored(content: PostContent) -> None:
    assert decode_content(encode_content(content)) == content


def test_the_longest_content_comes_back_and_is_compressed() -> None:
    content = PostContent(title="t" * 200, body="\U0001f30a" * MAX_BODY_LENGTH)
    stored = encode_content(content)
    assert len(stored) < MAX_BODY_LENGTH
    assert decode_content(stored) == content


def test_a_field_that_was_added_later_has_its_default() -> None:
    assert decode_content(b'{"title":"Sea","body":"Salt"}') == PostContent(title="Sea", body="Salt")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"{}",
        b'{"title":"","body":"","none":1}',
        b"no content",
        encode_content(PostContent(title="t", body="b" * 5000))[:-5],
        zlib.compress(b"[]" * 3_000_000),
        zlib.compress(b"[]" * 3000),
    ],
    ids=["empty", "cut", "no fields", "unknown field", "text", "cut zlib", "bomb", "other JSON"],
)
def test_other_values_are_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_content(value)
