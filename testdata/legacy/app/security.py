"""Tokens are `db-token-<user uuid>-<8 hex>`: unsigned, never expiring."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from fastapi.security.utils import get_authorization_scheme_param

from . import seeds

bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/login")

PREFIX = "db-token-"


def user_id_of(token: str) -> str | None:
    if not token.startswith(PREFIX):
        return None
    groups = token.removeprefix(PREFIX).split("-")[:5]
    try:
        return str(UUID("-".join(groups)))
    except ValueError:
        return None


def user_id_of_token(authorization: str | None) -> str | None:
    scheme, token = get_authorization_scheme_param(authorization)
    return user_id_of(token) if scheme.lower() == "bearer" else None


async def current_user(request: Request, token: Annotated[str, Depends(bearer)]) -> seeds.User:
    """Any bearer token is somebody: who cannot be told is the demo user."""
    users = request.app.state.store.users
    return users.get(user_id_of(token) or "") or users[seeds.DEMO_USER]


CurrentUser = Annotated[seeds.User, Depends(current_user)]
