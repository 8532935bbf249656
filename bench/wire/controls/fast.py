"""FastAPI, with FastSession and its memory store or without sessions."""

import sys

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from fastsession import FastSessionMiddleware, MemoryStore

mode, address = sys.argv[1:]
app = FastAPI()

if mode == "sessions":
    app.add_middleware(
        FastSessionMiddleware, secret_key="a secret of thirty-two characters", store=MemoryStore(), secure=False
    )

    @app.get("/read")
    async def read(request: Request):
        return PlainTextResponse(str(request.state.session.get_session().get("counter", 0)))

    @app.post("/count")
    async def count(request: Request):
        session = request.state.session.get_session()
        session["counter"] = session.get("counter", 0) + 1
        request.state.session.save_session()
        return PlainTextResponse(str(session["counter"]))

else:

    @app.get("/read")
    async def read():
        return PlainTextResponse("1")

    @app.post("/count")
    async def count():
        return PlainTextResponse("1")


host, port = address.split(":")
uvicorn.run(app, host=host, port=int(port), log_level="error", access_log=False)
