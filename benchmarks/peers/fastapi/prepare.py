"""`python prepare.py PASSWORD NAME...`: make the tables and the users."""

import asyncio
import sys

from app import Base, User, digest, engine, new_session


async def prepare(password: str, names: list[str]) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with new_session() as session:
        session.add_all(User(username=name, password=digest(password)) for name in names)
        await session.commit()
    await engine.dispose()


asyncio.run(prepare(sys.argv[1], sys.argv[2:]))
