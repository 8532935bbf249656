"""FastSession with its own store, as its manual shows it, to be attacked.

Usage: python server.py PORT
"""

import asyncio
import json
import os
import sys

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastsession import FastSessionMiddleware, MemoryStore

app = FastAPI()
app.add_middleware(
    FastSessionMiddleware,
    secret_key=os.environ.get("SECRET", "kK3vN8sQ1xW7bZ5mT9pR2cY6dF4gH0jL"),
    store=MemoryStore(),
    http_only=True,
    secure=True,
    max_age=0,
    session_cookie="sid",
    session_object="session",
    skip_session_header={"header_name": "X-FastSession-Skip", "header_value": "skip"},
)


def session_of(request: Request):
    return request.state.session.get_session()


@app.put("/attributes/{name}", status_code=204)
async def write(request: Request, name: str, delay_ms: int = 0):
    session = session_of(request)
    value = json.loads(await request.body())
    await asyncio.sleep(delay_ms / 1000)
    session[name] = value


@app.get("/attributes/{name}")
async def read(request: Request, name: str):
    return session_of(request).get(name)


# There is no call that changes the id.
@app.post("/login", status_code=204)
async def login(request: Request):
    session_of(request)["principal"] = json.loads(await request.body())["principal"]


@app.post("/logout", status_code=204)
async def logout(request: Request):
    request.state.session.clear_session()


@app.get("/session")
async def whoami(request: Request):
    return {"principal": session_of(request).get("principal")}


@app.get("/redirect")
async def redirect(request: Request, name: str, value: str):
    session_of(request)[name] = value
    return RedirectResponse(f"/attributes/{name}", status_code=303)


@app.get("/cookies")
async def cookies(request: Request):
    session_of(request)["cookies"] = True
    response = Response("two cookies")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8093
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")
