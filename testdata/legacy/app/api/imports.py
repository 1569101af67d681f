"""Uploads of customers' rows. What is in a row is the customer's own: their columns may be called session_id."""

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request

from ..errors import TaskError
from ..middleware import tenant_of
from ..schemas import StoreImportRequest

router = APIRouter(prefix="/api/v1/data-import", tags=["data-import"])


def import_metadata(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "filename": stored["filename"],
        "import_type": stored["import_type"],
        "imported_at": stored["imported_at"].isoformat(),
        "total_records": len(stored["rows"]),
        "status": "discovery_initiated",
    }


@router.post("/store-import")
async def store_import(body: StoreImportRequest, request: Request) -> dict[str, Any]:
    tenant = tenant_of(request)
    upload = body.upload_context
    validation = upload.validation_id or upload.validation_upload_id or upload.validation_session_id
    if not validation or not tenant.user_id:
        # Meant to be a 400; everything that goes wrong in here comes out as a failed task.
        raise TaskError("data_import_storage")
    store = request.app.state.store
    import_id = str(uuid4())
    flow = store.add_flow(
        "discovery", f"Discovery {body.metadata.filename}", tenant.client_id, tenant.user_id,
        {"data_import_id": import_id},
    )
    store.imports[import_id] = {
        "id": import_id,
        "flow_id": flow["id"],
        "filename": body.metadata.filename,
        "import_type": upload.intended_type,
        "imported_at": datetime.now(timezone.utc),
        "rows": body.file_data,
    }
    return {
        "success": True,
        "message": "Data imported and discovery flow initiated",
        "data_import_id": import_id,
        "flow_id": flow["id"],
        "total_records": len(body.file_data),
        "import_type": upload.intended_type,
    }


@router.post("/clean/import")
async def clean_import(body: StoreImportRequest) -> dict[str, Any]:
    return {
        "success": True,
        "message": f"Imported {len(body.file_data)} records",
        "data": {
            "import_id": str(uuid4()),
            "records": [{"row_number": n, "data": row} for n, row in enumerate(body.file_data, 1)],
        },
    }


@router.get("/latest-import")
async def latest_import(request: Request) -> dict[str, Any]:
    stored = list(request.app.state.store.imports.values())
    if not stored:
        return {"success": False, "message": "No data import found", "import_metadata": None, "data": []}
    return {
        "success": True,
        "message": "Latest data import",
        "import_metadata": import_metadata(stored[-1]),
        "data": stored[-1]["rows"],
    }


@router.get("/import/{import_id}")
async def get_import(import_id: str, request: Request) -> dict[str, Any]:
    stored = request.app.state.store.imports.get(import_id)
    if stored is None:
        raise HTTPException(404, f"Data import {import_id} not found")
    return {
        "success": True,
        "data_import_id": import_id,
        "import_metadata": import_metadata(stored),
        "data": stored["rows"],
    }


@router.get("/flow/{flow_id}/import-data")
async def get_import_of_flow(flow_id: str, request: Request) -> dict[str, Any]:
    for stored in request.app.state.store.imports.values():
        if stored["flow_id"] == flow_id:
            return {
                "success": True,
                "flow_id": flow_id,
                "import_metadata": import_metadata(stored),
                "data": stored["rows"],
            }
    raise HTTPException(404, f"No data import for flow {flow_id}")
