"""The flows that the legacy build has already, under names and shapes of its own."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request

from ..middleware import tenant_of
from ..schemas import CreateFlowRequest
from ..security import CurrentUser

router = APIRouter(prefix="/api/v1", tags=["flows"])

FLOW_TYPES = (
    "discovery", "assessment", "planning", "execution", "modernize", "finops", "observability", "decommission",
)


def listed(flow: dict[str, Any]) -> dict[str, Any]:
    return {
        "flow_id": flow["id"],
        "flow_type": flow["type"],
        "flow_name": flow["name"],
        # A mix-up of keys in the legacy build: no list ever knew a status.
        "status": "unknown",
        "created_by": flow["owner"],
        "created_at": flow["created_at"].isoformat(),
    }


def of_client(request: Request) -> list[dict[str, Any]]:
    client_id = tenant_of(request).client_id
    return [f for f in request.app.state.store.flows.values() if f["client_id"] == client_id]


@router.get("/master-flows/active")
async def active_master_flows(request: Request) -> list[dict[str, Any]]:
    return [
        {
            "master_flow_id": f["id"],
            "flow_name": f["name"],
            "flow_type": f["type"],
            "status": "initialized",
            "configuration": f["configuration"],
        }
        for f in of_client(request)
    ]


@router.get("/discovery/flows/active")
async def active_discovery_flows(request: Request) -> dict[str, Any]:
    flows = [
        {"flow_id": f["id"], "flow_name": f["name"], "status": "active", "current_phase": "data_import"}
        for f in of_client(request)
        if f["type"] == "discovery"
    ]
    return {"success": True, "flows": flows, "total": len(flows)}


@router.get("/unified-discovery/flow/{flow_id}/status")
async def discovery_status(flow_id: str, request: Request) -> dict[str, Any]:
    store = request.app.state.store
    if flow_id not in store.flows:
        raise HTTPException(500, f"Failed to get flow status: Flow not found: {flow_id}")
    rows = [row for i in store.imports.values() if i["flow_id"] == flow_id for row in i["rows"]]
    return {"flow_id": flow_id, "status": "active", "state_data": {"raw_data": rows}}


@router.get("/monitoring/crewai-flows")
async def crewai_flows(request: Request) -> dict[str, Any]:
    # The key is a number here.
    return {"success": True, "active_flows": len(request.app.state.store.flows)}


@router.get("/flows/")
async def list_flows(
    request: Request,
    user: CurrentUser,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    flows = of_client(request)
    start = (page - 1) * page_size
    return {
        "flows": [listed(f) for f in flows[start : start + page_size]],
        "total": len(flows),
        "page": page,
        "page_size": page_size,
    }


@router.post("/flows/")
async def create_flow(body: CreateFlowRequest, request: Request, user: CurrentUser) -> dict[str, Any]:
    if body.flow_type not in FLOW_TYPES:
        detail = f"Failed to create {body.flow_type} flow: Unknown flow type: {body.flow_type}"
        raise HTTPException(500, detail)
    name = body.flow_name or f"{body.flow_type.capitalize()} Flow"
    flow = request.app.state.store.add_flow(
        body.flow_type, name, tenant_of(request).client_id, user.id, body.configuration,
    )
    return listed(flow)


@router.get("/flows/{flow_id}")
async def get_flow(flow_id: str, request: Request, user: CurrentUser) -> dict[str, Any]:
    flow = request.app.state.store.flows.get(flow_id)
    if flow is None:
        raise HTTPException(500, f"Failed to get flow: Flow not found: {flow_id}")
    return listed(flow)
