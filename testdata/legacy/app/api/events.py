"""Progress of an assessment as server-sent events, without a natural end."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from ..security import CurrentUser

router = APIRouter(prefix="/api/v1/assessment-flow", tags=["assessment"])

HEADERS = {"Cache-Control": "no-cache", "Connection": "keep-alive", "X-Accel-Buffering": "no"}


def event(kind: str, flow_id: str) -> str:
    data: dict[str, Any] = {"type": kind, "flow_id": flow_id, "timestamp": datetime.utcnow().isoformat()}
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


async def stream(flow_id: str, heartbeat: float) -> AsyncIterator[str]:
    yield event("connected", flow_id)
    while True:
        await asyncio.sleep(heartbeat)
        yield event("heartbeat", flow_id)


@router.get("/{flow_id}/events")
async def flow_events(flow_id: str, request: Request, user: CurrentUser) -> StreamingResponse:
    return StreamingResponse(
        stream(flow_id, request.app.state.heartbeat), media_type="text/event-stream", headers=HEADERS,
    )
