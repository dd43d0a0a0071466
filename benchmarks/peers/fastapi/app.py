"""The same API with FastAPI and SQLAlchemy's asynchronous ORM, as their documentation has it."""

import os
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, String, Text, event, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship
from sqlalchemy.types import DateTime

URL = os.environ["DATABASE_URL"]

# As many connections as are asked over at once: by default some would be closed and opened again for each request.
engine = create_async_engine(URL, pool_size=16, max_overflow=0, connect_args={"timeout": 20})
new_session = async_sessionmaker(engine, expire_on_commit=False)

if URL.startswith("sqlite"):

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection, _entry):
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={os.environ['SYNCHRONOUS']}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(150), unique=True)
    password: Mapped[str] = mapped_column(String(64))


class Token(Base):
    __tablename__ = "tokens"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    user: Mapped[User] = relationship()


def now() -> datetime:
    return datetime.now(UTC)


class Post(Base):
    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    user: Mapped[User] = relationship()
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now, onupdate=now)

    @property
    def author(self) -> str:
        return self.user.username


class PostIn(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    body: str = Field(min_length=1, max_length=100_000)


class PostPatch(BaseModel):
    title: str | None = Field(default=None, min_length=1, max_length=200)
    body: str | None = Field(default=None, min_length=1, max_length=100_000)


class PostOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    body: str
    user_id: int
    author: str
    created_at: datetime
    updated_at: datetime


class Credentials(BaseModel):
    username: str
    password: str


async def session() -> AsyncIterator[AsyncSession]:
    async with new_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def current_user(
    shown: Annotated[str | None, Depends(APIKeyHeader(name="Authorization", auto_error=False))], session: Session
) -> User:
    key = (shown or "").removeprefix("Token ")
    query = select(Token).where(Token.key == digest(key)).options(joinedload(Token.user))
    token = await session.scalar(query)
    if token is None:
        raise HTTPException(401)
    return token.user


CurrentUser = Annotated[User, Depends(current_user)]

app = FastAPI()


@app.post("/api/login/")
async def log_in(sent: Credentials, session: Session) -> dict[str, str]:
    user = await session.scalar(select(User).where(User.username == sent.username))
    if user is None or user.password != digest(sent.password):
        raise HTTPException(401)
    key = secrets.token_hex(20)
    session.add(Token(key=digest(key), user_id=user.id))
    await session.commit()
    return {"token": key}


@app.get("/api/posts/")
async def newest(session: Session, limit: int = 20, offset: int = 0) -> list[PostOut]:
    query = select(Post).options(joinedload(Post.user)).order_by(Post.id.desc()).limit(limit).offset(offset)
    return [PostOut.model_validate(post) for post in await session.scalars(query)]


@app.post("/api/posts/", status_code=201)
async def create(sent: PostIn, user: CurrentUser, session: Session) -> PostOut:
    post = Post(title=sent.title, body=sent.body, user=user)
    session.add(post)
    await session.commit()
    return PostOut.model_validate(post)


@app.get("/api/posts/{post_id}/")
async def read(post_id: int, session: Session) -> PostOut:
    return PostOut.model_validate(await found(post_id, session))


@app.patch("/api/posts/{post_id}/")
async def update(post_id: int, sent: PostPatch, user: CurrentUser, session: Session) -> PostOut:
    post = await found(post_id, session)
    if post.user_id != user.id:
        raise HTTPException(403)
    for name, value in sent.model_dump(exclude_unset=True).items():
        setattr(post, name, value)
    await session.commit()
    return PostOut.model_validate(post)


async def found(post_id: int, session: AsyncSession) -> Post:
    post = await session.get(Post, post_id, options=[joinedload(Post.user)])
    if post is None:
        raise HTTPException(404)
    return post


def digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
