"""A peer: FastAPI on uvicorn at its fastest, with uvloop and httptools as `uvicorn[standard]` brings them.

`/hello` has HTTPBasic and a slowapi limit, `/total` a pydantic model alone.
"""

import secrets
import socket
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address

from tests.bench.servers.orders import GREETING, LIMIT_PER_MINUTE, PASSWORD, USER, total

app = FastAPI()
app.state.limiter = limiter = Limiter(key_func=get_remote_address)
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
Given = Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]


class Item(BaseModel):
    sku: str
    quantity: int
    price: float


class Order(BaseModel):
    id: int
    customer: str
    items: list[Item]


def user(given: Given) -> str:
    """The caller's name, once it has proved it."""
    same_user = secrets.compare_digest(given.username.encode(), USER.encode())
    if not (secrets.compare_digest(given.password.encode(), PASSWORD.encode()) and same_user):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})
    return given.username


async def user_async(given: Given) -> str:
    """The same for `async def`, which FastAPI then does not send to a thread."""
    return user(given)


@app.get("/hello", response_class=PlainTextResponse)
@limiter.limit(f"{LIMIT_PER_MINUTE}/minute")
def hello(request: Request, user: Annotated[str, Depends(user)]) -> str:
    return GREETING


@app.get("/hello-async", response_class=PlainTextResponse)
@limiter.limit(f"{LIMIT_PER_MINUTE}/minute")
async def hello_async(request: Request, user: Annotated[str, Depends(user_async)]) -> str:
    return GREETING


# No response model, which the type of the answer would make one of, and validate: the dict goes out as it is.
@app.post("/total", response_model=None)
def total_of(order: Order) -> JSONResponse:
    return JSONResponse(total(order))


@app.post("/total-async", response_model=None)
async def total_of_async(order: Order) -> JSONResponse:
    return JSONResponse(total(order))


def serve() -> None:
    """Serve until the process is ended, without an access log."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])


if __name__ == "__main__":
    serve()
