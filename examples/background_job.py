"""Publish posts from a background job: a program of your own that uses the blog without HTTP.

`python -m examples.background_job blog.db alice FOLDER` publishes each text file in a folder as a post by alice, and
then moves it to `FOLDER/published`. Cron or a systemd timer can run it beside a server on the same database. A run that
is killed after a post was stored, and before its file was moved, publishes nothing twice: the name of the file is the
idempotency key of its post.
"""

import sys
from pathlib import Path

from blog import BlogError, Member, OpenBlog, Operator, Post, Unavailable, sqlite_blog

_ATTEMPTS = 3


def publish(open_blog: OpenBlog, username: str, file: Path) -> Post | None:
    """Publish a file as a post. Its first line is the title. Return None if it was published before.

    Raises:
        BlogError: nothing was stored, for example because the title is missing.
    """
    title, _, body = file.read_text(encoding="utf-8").partition("\n")
    posts: list[Post] = []
    with open_blog() as blog:
        author = Member.of(blog.users.get_by_username(Operator(), username))

        def create() -> bytes:
            posts.append(blog.posts.create(author, title=title.strip(), body=body.strip()))
            return b""

        blog.idempotency.run_once(author, file.name, file.read_bytes(), create)
    return posts[0] if posts else None


def publish_with_retries(open_blog: OpenBlog, username: str, file: Path) -> Post | None:
    """Publish a file, and try again while the database is busy."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return publish(open_blog, username, file)
        except Unavailable:
            continue
    return publish(open_blog, username, file)


def main(database: str, username: str, folder: str) -> int:
    """Publish all files of a folder. Return 1 if one was refused."""
    done = Path(folder, "published")
    done.mkdir(exist_ok=True)
    status = 0
    with sqlite_blog(database) as open_blog:
        for file in sorted(Path(folder).glob("*.txt")):
            try:
                publish_with_retries(open_blog, username, file)
            except BlogError as error:
                sys.stderr.write(f"{file.name}: {error}\n")
                status = 1
            else:
                file.rename(done / file.name)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
