"""On paper only: sessions as things that can be made, changed and deleted."""

from datetime import datetime, timezone
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Query, Request

from ..schemas import Session, SessionCreate, SessionList, SessionStatus, SessionUpdate
from ..security import CurrentUser

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"])


def find(request: Request, session_id: str) -> Session:
    session = request.app.state.store.sessions.get(session_id)
    if session is None:
        raise HTTPException(404, "Session not found")
    return session


@router.get("", response_model=SessionList)
async def list_sessions(
    request: Request,
    user: CurrentUser,
    page: Annotated[int, Query(ge=1)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SessionList:
    sessions = list(request.app.state.store.sessions.values())
    start = (page - 1) * limit
    return SessionList(items=sessions[start : start + limit], total=len(sessions), page=page, limit=limit)


@router.post("", response_model=Session, status_code=201)
async def create_session(body: SessionCreate, request: Request, user: CurrentUser) -> Session:
    if body.engagement_id not in request.app.state.store.engagements:
        raise HTTPException(404, "Engagement not found")
    now = datetime.now(timezone.utc)
    session = Session(
        id=uuid4(), status=SessionStatus.ACTIVE, created_by=user.id, created_at=now, updated_at=now,
        **body.model_dump(),
    )
    request.app.state.store.sessions[str(session.id)] = session
    return session


@router.get("/{session_id}", response_model=Session)
async def get_session(session_id: str, request: Request, user: CurrentUser) -> Session:
    return find(request, session_id)


@router.put("/{session_id}", response_model=Session)
async def update_session(session_id: str, body: SessionUpdate, request: Request, user: CurrentUser) -> Session:
    session = find(request, session_id)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(session, name, value)
    session.updated_at = datetime.now(timezone.utc)
    return session


@router.delete("/{session_id}", status_code=204)
async def delete_session(session_id: str, request: Request, user: CurrentUser) -> None:
    find(request, session_id)
    del request.app.state.store.sessions[session_id]
