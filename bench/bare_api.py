"""`python -m bench.bare_api PORT`: the baseline of a request, a FastAPI route with one query.

Owns that route. The query goes the way that ours go, to the same table; nobody is authenticated,
nothing is logged, validated or documented. Served with the settings of `python -m api`.
"""

import asyncio
import os
import socket
import sys

import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from adapters.db.engine import create_engine, reading
from adapters.db.tables.subscription import subscriptions
from bench.program import say
from local.ports import LOOPBACK


async def run(port: int) -> None:
    """Serves until SIGTERM."""
    engine = create_engine(os.environ["DATABASE_URL"])
    app = FastAPI()

    @app.get("/subscriptions/{subscription_id}")
    async def read(subscription_id: str) -> dict[str, str | int]:
        query = select(subscriptions.c.id, subscriptions.c.status, subscriptions.c.quantity)
        async with reading(engine) as connection:
            found = await connection.execute(query.where(subscriptions.c.id == subscription_id))
        row = found.one()
        return {"id": row.id, "status": row.status, "quantity": row.quantity}

    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="off")
    )
    listener = socket.create_server((LOOPBACK, port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    say("ready")
    await server.serve(sockets=[listener])
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1])))
