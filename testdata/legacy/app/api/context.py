"""Who the caller is and what they work in: the heart of the session shape."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Body, HTTPException, Request

from .. import seeds
from ..middleware import tenant_of
from ..schemas import ClientBase, EngagementBase, SessionBase, UserContext, UserDefaults
from ..security import CurrentUser

router = APIRouter(prefix="/api/v1", tags=["context"])


def caller(user: seeds.User) -> dict[str, Any]:
    role = "admin" if user.is_platform_admin else user.role_type or "analyst"
    return {"id": user.id, "email": user.email, "role": role}


def demo_context(user: seeds.User) -> UserContext:
    """What a user without access to any client sees."""
    now = datetime.utcnow()
    session = SessionBase(
        id=seeds.DEMO_SESSION, name="Demo Session", description="Demonstration Session",
        engagement_id=seeds.DEMO_ENGAGEMENT, is_default=True, created_by=user.id, created_at=now, updated_at=now,
    )
    return UserContext(
        user=caller(user),
        client=ClientBase(
            id=seeds.DEMO_CLIENT, name="Democorp", description="Demonstration Client", created_at=now, updated_at=now,
        ),
        engagement=EngagementBase(
            id=seeds.DEMO_ENGAGEMENT, name="Cloud Migration 2024", description="Demonstration Engagement",
            client_id=seeds.DEMO_CLIENT, created_at=now, updated_at=now,
        ),
        session=session,
        available_sessions=[session],
    )


def context_of(request: Request, user: seeds.User) -> UserContext:
    place = request.app.state.store.working_place(user)
    if place is None:
        return UserContext(user=caller(user)) if user.is_platform_admin else demo_context(user)
    client, engagement = place
    now = datetime.utcnow()
    kind = "Admin" if user.is_platform_admin else "Default"
    session = SessionBase(
        id=engagement.id,
        name=f"{kind} Session - {engagement.name}",
        description=f"{kind.lower()} session for {engagement.name}",
        engagement_id=engagement.id, is_default=True, created_by=user.id, created_at=now, updated_at=now,
    )
    return UserContext(
        user=caller(user),
        client=ClientBase(
            id=client.id, name=client.name, description=client.description or f"Client: {client.name}",
            created_at=client.created_at, updated_at=client.updated_at or now,
        ),
        engagement=EngagementBase(
            id=engagement.id, name=engagement.name,
            description=engagement.description or f"Engagement: {engagement.name}",
            client_id=engagement.client_id, created_at=engagement.created_at,
            updated_at=engagement.updated_at or now,
        ),
        session=session,
        available_sessions=[session],
    )


@router.get("/context/me", response_model=UserContext)
@router.get("/me", response_model=UserContext)
async def get_user_context(request: Request, user: CurrentUser) -> UserContext:
    return context_of(request, user)


@router.put("/context/me/defaults")
async def set_defaults(body: UserDefaults, request: Request, user: CurrentUser) -> dict[str, Any]:
    store = request.app.state.store
    if body.client_id and body.client_id not in store.clients:
        raise HTTPException(404, "Client not found")
    if body.engagement_id and body.engagement_id not in store.engagements:
        raise HTTPException(404, "Engagement not found")
    updated = []
    if body.client_id:
        user.default_client = body.client_id
        updated.append("client_id")
    if body.engagement_id:
        user.default_engagement = body.engagement_id
        updated.append("engagement_id")
    message = "User defaults updated successfully" if updated else "No defaults to update"
    return {"message": message, "updated_fields": updated}


@router.get("/context/context")
async def get_request_context(request: Request) -> dict[str, Any]:
    tenant = tenant_of(request)
    return {
        "client_account_id": tenant.client_id,
        "engagement_id": tenant.engagement_id,
        "user_id": tenant.user_id,
        "flow_id": tenant.flow_id,
    }


class DiscoveryFlowService:
    def __init__(self, db: object, context: object) -> None:
        self.db, self.context = db, context


@router.post("/context/session/switch")
async def switch_session(
    request: Request, user: CurrentUser, body: dict[str, Any] = Body(...),
) -> dict[str, Any]:
    engagement_id = body.get("engagement_id")
    if not engagement_id:
        raise HTTPException(400, "engagement_id is required")
    try:
        # One argument short, as it always was: nobody ever switched a session.
        service = DiscoveryFlowService(request.app.state.store)
    except TypeError as e:
        raise HTTPException(500, f"Error switching session: {e}") from e
    return {
        "status": "success",
        "message": "Session switched successfully",
        "engagement_id": engagement_id,
        "active_flows": len(service.db.flows),
    }
