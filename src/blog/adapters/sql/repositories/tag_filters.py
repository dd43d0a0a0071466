"""Filters of posts: their parameters, their conditions, and pages of the index of tags.

The name of a parameter decides the statement. `tag_0`, `tag_1`, … are tags that a post must all have, the rarest one
first. `any_tag_0`, … are tags of which a post must have one. `few_tag_0` and `few_any_tag_0` are the same, if few posts
have them: a database then begins with these posts.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    union,
)

from blog.adapters.sql.engine.statement import ReadStatement
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.adapters.sql.schema.tables import BigIntId, posts, tagged, tags, users
from blog.domain.accounts.user import validate_username
from blog.domain.posts.pagination import PostFilter
from blog.domain.posts.tags import tag_keys
from blog.domain.validation import find_unsafe_character

FEW: Final = 2000
"""Posts that are read at once. More are read in the order of the page, until it is full."""

_of_names = func.lower(users.c.username).in_(bindparam("names", expanding=True))
_ids_of_names: ReadStatement[dict[str, int]] = ReadStatement(
    select(users.c.id).where(_of_names, users.c.deletion.is_(None)).order_by(users.c.id), dict
)

FILTERS: Final[dict[str, ColumnElement[bool]]] = {
    "author": posts.c.author_id == bindparam("author", type_=BigIntId),
    "authors": posts.c.author_id.in_(bindparam("authors", type_=BigIntId, expanding=True)),
    "ids": posts.c.id.in_(bindparam("ids", type_=BigIntId, expanding=True)),
    "published_after": posts.c.published_at >= bindparam("published_after"),
    "published_before": posts.c.published_at < bindparam("published_before"),
}
"""By name, the condition of a filter, without those by tag. One author is a separate case, for which an index has the
order.
"""

AUTHOR_FILTERS: Final = frozenset({"author", "authors"})
"""The names of the filters by author."""

_NO_TAG: Final = (0, 0)
"""The number of posts, and the id, of a tag that no post has."""

_find: ReadStatement[dict[str, Any]] = ReadStatement(
    select(tags.c.id, tags.c.key, tags.c.posts).where(tags.c.key.in_(bindparam("keys", expanding=True))), dict
)

_other = tagged.alias("other")


def resolve_filters(unit: SqlUnitOfWork, filters: PostFilter) -> dict[str, Any]:
    """Return the parameters of the filters, by the names that `filter_conditions` takes.

    Authors become ids, for which a database can estimate the number of posts. An invalid username has no posts.
    """
    params: dict[str, Any] = dict(filters)
    if "tags" in params or "all_tags" in params:
        params |= _resolve_tags(unit, params.pop("tags", None), params.pop("all_tags", ()))
    if "authors" in params:
        names = {name.lower() for name in params.pop("authors") if not validate_username(name)}
        ids = [row["id"] for row in unit.find_all(_ids_of_names, names=sorted(names))]
        params |= {"author": ids[0]} if len(ids) == 1 else {"authors": ids}
    return params


def filter_conditions(names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions of the filters of these parameters. Other names are left out."""
    named = [*names]
    return [*(FILTERS[name] for name in named if name in FILTERS), *_tag_conditions(named)]


def _resolve_tags(unit: SqlUnitOfWork, any_of: Collection[str] | None, all_of: Collection[str]) -> dict[str, int]:
    """Return the parameters of the filters `tags` and `all_tags`. They have the names that this module describes."""
    any_keys, all_keys = set(tag_keys(any_of or ())), set(tag_keys(all_of))
    keys = sorted(key for key in any_keys | all_keys if not find_unsafe_character(key))
    found = {row["key"]: (row["posts"], row["id"]) for row in unit.find_all(_find, keys=keys)} if keys else {}
    every = {found.get(key, _NO_TAG) for key in all_keys}
    some = {found[key] for key in any_keys if key in found}
    if any_of is not None and len(some) < 2:  # noqa: PLR2004 - any of one tag is all of one tag
        every |= some or {_NO_TAG}
        some = set()
    params: dict[str, int] = {}
    if every:
        (rarest, *rest) = sorted(every)
        params["few_tag_0" if rarest[0] <= FEW else "tag_0"] = rarest[1]
        params |= {f"tag_{number}": tag for number, tag in enumerate(_padded(rest), 1)}
    if some:
        name = "few_any_tag" if sum(number for number, _ in some) <= FEW else "any_tag"
        params |= {f"{name}_{number}": tag for number, tag in enumerate(_padded(sorted(some)))}
    return params


def _padded(found: Sequence[tuple[int, int]]) -> list[int]:
    """Return the ids, with the last one repeated up to a power of two. So there are few statements."""
    ids = [tag for _, tag in found]
    return ids + ids[-1:] * ((1 << (len(ids) - 1).bit_length()) - len(ids)) if ids else []


def is_tag(name: str) -> bool:
    """Return whether a parameter is one of a filter by tag."""
    return name.startswith(("tag_", "any_tag_", "few_"))


def has_few(names: Iterable[str]) -> bool:
    """Return whether one of these parameters is that of a tag that few posts have."""
    return any(name.startswith("few_") for name in names)


def _tag_conditions(names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions on posts of those of these parameters that are tags."""
    named = [name for name in names if is_tag(name)]
    conditions = [
        posts.c.id.in_(select(_other.c.post_id).where(_other.c.tag_id == _tag(name)))
        if has_few([name])
        else _has_any(posts.c.published_at, posts.c.id, [name])
        for name in _all_of(named)
    ]
    if any_of := _any_of(named):
        if has_few(any_of):
            conditions.append(posts.c.id.in_(select(_other.c.post_id).where(_other.c.tag_id.in_(map(_tag, any_of)))))
        else:
            conditions.append(_has_any(posts.c.published_at, posts.c.id, any_of))
    return conditions


def walk(
    names: Iterable[str], within: Sequence[ColumnElement[bool]], some: Callable[[Select[Any]], Select[Any]]
) -> Select[Any]:
    """Select `post_id` and `published_at` of posts with tags, from the index of tags alone.

    It reads the rarest of the tags that a post must have, or each one of which it must have one.

    Args:
        names: the names of the parameters of the tags.
        within: the conditions on the columns of `tagged`.
        some: sorts and limits a selection with these columns.
    """
    named = [*names]
    all_of, any_of = _all_of(named), _any_of(named)
    rows = select(tagged.c.post_id, tagged.c.published_at)
    if all_of:
        probes = [_has_any(tagged.c.published_at, tagged.c.post_id, [name]) for name in all_of[1:]]
        if any_of:
            probes.append(_has_any(tagged.c.published_at, tagged.c.post_id, any_of))
        return some(rows.where(tagged.c.tag_id == _tag(all_of[0]), *within, *probes))
    each = [some(rows.where(tagged.c.tag_id == _tag(name), *within)).subquery() for name in any_of]
    together = union(*(select(page.c.post_id, page.c.published_at) for page in each)).subquery()
    return some(select(together.c.post_id, together.c.published_at))


def _all_of(names: Sequence[str]) -> list[str]:
    return [name for name in names if "any_" not in name]


def _any_of(names: Sequence[str]) -> list[str]:
    return [name for name in names if "any_" in name]


def _tag(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigIntId)


def _has_any(
    published_at: ColumnElement[Any], post_id: ColumnElement[int], names: Sequence[str]
) -> ColumnElement[bool]:
    """Return the condition that the post has one of these tags."""
    is_one = _other.c.tag_id == _tag(names[0]) if len(names) == 1 else _other.c.tag_id.in_(map(_tag, names))
    rows = (
        select(1).select_from(_other).where(is_one, _other.c.published_at == published_at, _other.c.post_id == post_id)
    )
    # With OFFSET, PostgreSQL looks up one key for each post. Without, it would read all posts of the tag.
    one = rows.limit(literal_column("1")).offset(literal_column("0"))
    return exists(one.correlate_except(_other))
