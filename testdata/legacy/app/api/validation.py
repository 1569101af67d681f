"""On paper only: checking an upload before it is stored."""

from datetime import datetime, timezone
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request

from ..schemas import DataImportValidationResponse, UploadedFile, ValidationSession, ValidationSessionResponse

router = APIRouter(prefix="/api/v1/data-import", tags=["validation"])


@router.post("/validate-upload", response_model=DataImportValidationResponse)
async def validate_upload(body: UploadedFile, request: Request) -> DataImportValidationResponse:
    session = ValidationSession(
        session_id=str(uuid4()), status="completed", created_at=datetime.now(timezone.utc),
    )
    request.app.state.store.validations[session.session_id] = session
    return DataImportValidationResponse(
        success=True, validation_session_id=session.session_id, validation_session=session,
    )


@router.get("/validation-session/{session_id}", response_model=ValidationSessionResponse)
async def get_validation_session(session_id: str, request: Request) -> ValidationSessionResponse:
    session = request.app.state.store.validations.get(session_id)
    if session is None:
        raise HTTPException(404, "Validation session not found")
    return ValidationSessionResponse(success=True, validation_session=session)
