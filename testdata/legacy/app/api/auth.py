"""Signing in."""

from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request

from .. import seeds
from ..schemas import LoginRequest, LoginResponse, Token
from ..security import PREFIX

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])


@router.post("/login", response_model=LoginResponse)
async def login(body: LoginRequest, request: Request) -> LoginResponse:
    user = request.app.state.store.user_by_email(body.email)
    if user is None or body.password != seeds.PASSWORD:
        raise HTTPException(401, "Invalid email or password")
    admin = user.role_type in ("platform_admin", "client_admin")
    return LoginResponse(
        status="success",
        message="Login successful",
        user={
            "id": user.id,
            "username": user.email.split("@")[0],
            "email": user.email,
            "full_name": user.full_name,
            "role": "admin" if admin else "user",
            "status": "approved",
            "associations": [
                {"id": a.id, "client_account_id": a.client_id, "role": a.role} for a in user.access
            ],
        },
        token=Token(access_token=f"{PREFIX}{user.id}-{uuid4().hex[:8]}"),
    )
