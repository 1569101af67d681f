"""Engagements, for platform admins. `total_sessions` is declared and never counted."""

from datetime import datetime, timezone
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Query, Request

from .. import seeds
from ..schemas import (
    EngagementCreate,
    EngagementPage,
    EngagementResponse,
    EngagementSaved,
    EngagementSession,
    EngagementStats,
    EngagementUpdate,
)

router = APIRouter(prefix="/api/v1/admin/engagements", tags=["engagements"])


def shown(e: seeds.Engagement) -> EngagementResponse:
    return EngagementResponse(
        id=e.id,
        engagement_name=e.name,
        client_account_id=e.client_id,
        engagement_description=e.description,
        migration_scope=e.scope,
        target_cloud_provider=e.cloud,
        estimated_budget=e.budget,
        team_preferences={
            "stakeholders": [],
            "decision_makers": [],
            "technical_leads": [],
            "communication_style": "formal",
            "reporting_frequency": "weekly",
            "preferred_meeting_times": [],
            "escalation_contacts": [],
            "project_methodology": "agile",
        },
        current_phase=e.phase,
        created_at=e.created_at,
        updated_at=e.updated_at,
    )


def find(request: Request, engagement_id: str) -> seeds.Engagement:
    engagement = request.app.state.store.engagements.get(engagement_id)
    if engagement is None:
        raise HTTPException(404, "Engagement not found")
    return engagement


@router.get("/", response_model=EngagementPage)
async def list_engagements(
    request: Request,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> EngagementPage:
    everything = list(request.app.state.store.engagements.values())
    start = (page - 1) * page_size
    pages = -(-len(everything) // page_size)
    return EngagementPage(
        items=[shown(e) for e in everything[start : start + page_size]],
        total_items=len(everything),
        total_pages=pages,
        current_page=page,
        page_size=page_size,
        has_next=page < pages,
        has_previous=page > 1,
    )


@router.get("/dashboard/stats", response_model=EngagementStats)
async def engagement_stats(request: Request) -> EngagementStats:
    everything = list(request.app.state.store.engagements.values())
    return EngagementStats(
        total_engagements=len(everything),
        active_engagements=sum(e.phase == "active" for e in everything),
        recent_engagements=[shown(e) for e in everything[:5]],
    )


@router.get("/{engagement_id}", response_model=EngagementResponse)
async def get_engagement(engagement_id: str, request: Request) -> EngagementResponse:
    return shown(find(request, engagement_id))


@router.post("/", response_model=EngagementSaved)
async def create_engagement(body: EngagementCreate, request: Request) -> EngagementSaved:
    store = request.app.state.store
    if body.client_account_id not in store.clients:
        raise HTTPException(404, "Client account not found")
    engagement = seeds.Engagement(
        str(uuid4()), body.engagement_name, body.client_account_id, body.engagement_description,
        datetime.now(timezone.utc), scope=body.migration_scope, cloud=body.target_cloud_provider,
        budget=body.estimated_budget,
    )
    store.engagements[engagement.id] = engagement
    return EngagementSaved(message="Engagement created successfully", data=shown(engagement))


@router.put("/{engagement_id}", response_model=EngagementSaved)
async def update_engagement(engagement_id: str, body: EngagementUpdate, request: Request) -> EngagementSaved:
    engagement = find(request, engagement_id)
    if body.engagement_name is not None:
        engagement.name = body.engagement_name
    if body.engagement_description is not None:
        engagement.description = body.engagement_description
    if body.current_phase is not None:
        engagement.phase = body.current_phase
    if body.estimated_budget is not None:
        engagement.budget = body.estimated_budget
    engagement.updated_at = datetime.now(timezone.utc)
    return EngagementSaved(message="Engagement updated successfully", data=shown(engagement))


@router.get("/{engagement_id}/sessions", response_model=list[EngagementSession])
async def list_sessions(engagement_id: str) -> list[EngagementSession]:
    # Made up on every call, for any id: the table behind it is gone.
    return [
        EngagementSession(id=str(uuid4()), name=name, start_date=datetime.utcnow(), status="active")
        for name in ("Q1 Assessment", "Q2 Migration")
    ]
