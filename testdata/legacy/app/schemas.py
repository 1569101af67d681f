"""The bodies that are validated or serialised by pydantic. Key order is declaration order."""

from datetime import datetime
from enum import Enum
from typing import Any, Optional
from uuid import UUID

from pydantic import BaseModel, Field


class ClientBase(BaseModel):
    id: UUID
    name: str
    description: Optional[str] = None
    created_at: datetime
    updated_at: datetime


class EngagementBase(BaseModel):
    id: UUID
    name: str
    description: Optional[str] = None
    client_id: UUID
    created_at: datetime
    updated_at: datetime


class SessionBase(BaseModel):
    id: UUID
    name: str
    description: Optional[str] = None
    engagement_id: UUID
    is_default: bool = False
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    metadata: Optional[dict[str, Any]] = None


class UserContext(BaseModel):
    user: dict[str, Any]
    client: Optional[ClientBase] = None
    engagement: Optional[EngagementBase] = None
    session: Optional[SessionBase] = None
    available_sessions: list[SessionBase] = Field(default_factory=list)


class UserDefaults(BaseModel):
    client_id: Optional[str] = None
    engagement_id: Optional[str] = None


class LoginRequest(BaseModel):
    email: str
    password: str


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"


class LoginResponse(BaseModel):
    status: str
    message: str
    user: dict[str, Any]
    token: Token


class EngagementCreate(BaseModel):
    engagement_name: str
    client_account_id: str
    engagement_description: Optional[str] = None
    migration_scope: str = "Full Migration"
    target_cloud_provider: str = "migration"
    estimated_budget: float = 0.0


class EngagementUpdate(BaseModel):
    engagement_name: Optional[str] = None
    engagement_description: Optional[str] = None
    current_phase: Optional[str] = None
    estimated_budget: Optional[float] = None


class EngagementResponse(BaseModel):
    id: str
    engagement_name: str
    client_account_id: str
    engagement_description: Optional[str] = None
    migration_scope: str
    target_cloud_provider: str
    planned_start_date: Optional[datetime] = None
    planned_end_date: Optional[datetime] = None
    estimated_budget: Optional[float] = None
    estimated_asset_count: Optional[int] = None
    actual_start_date: Optional[datetime] = None
    actual_end_date: Optional[datetime] = None
    actual_budget: Optional[float] = None
    engagement_manager: str = "Not Assigned"
    technical_lead: str = "Not Assigned"
    team_preferences: dict[str, Any]
    agent_configuration: dict[str, Any] = Field(default_factory=dict)
    discovery_preferences: dict[str, Any] = Field(default_factory=dict)
    assessment_criteria: dict[str, Any] = Field(default_factory=dict)
    current_phase: str
    completion_percentage: float = 0.0
    current_flow_id: Optional[str] = None
    created_at: datetime
    updated_at: Optional[datetime] = None
    is_active: bool = True
    total_sessions: int = 0
    total_assets: int = 0


class EngagementPage(BaseModel):
    items: list[EngagementResponse]
    total_items: int
    total_pages: int
    current_page: int
    page_size: int
    has_next: bool
    has_previous: bool


class EngagementSaved(BaseModel):
    message: str
    data: EngagementResponse


class EngagementStats(BaseModel):
    total_engagements: int
    active_engagements: int
    recent_engagements: list[EngagementResponse]


class EngagementSession(BaseModel):
    id: str
    name: str
    start_date: datetime
    end_date: Optional[datetime] = None
    status: str


class FileMetadata(BaseModel):
    filename: str
    size: int
    type: str


class UploadContext(BaseModel):
    intended_type: str
    validation_session_id: Optional[str] = None
    validation_upload_id: Optional[str] = None
    validation_id: Optional[str] = None
    upload_timestamp: str


class StoreImportRequest(BaseModel):
    file_data: list[dict[str, Any]]
    metadata: FileMetadata
    upload_context: UploadContext
    client_id: Optional[str] = None
    engagement_id: Optional[str] = None


class CreateFlowRequest(BaseModel):
    flow_type: str
    flow_name: Optional[str] = None
    configuration: dict[str, Any] = Field(default_factory=dict)


# On paper only, from here on.


class UploadedFile(BaseModel):
    filename: str
    category: str = "cmdb"


class ValidationSession(BaseModel):
    session_id: str
    status: str
    created_at: datetime


class DataImportValidationResponse(BaseModel):
    success: bool
    validation_session_id: str
    validation_session: ValidationSession


class ValidationSessionResponse(BaseModel):
    success: bool
    validation_session: ValidationSession


class SessionType(str, Enum):
    DATA_IMPORT = "data_import"
    VALIDATION_RUN = "validation_run"
    INCREMENTAL_UPDATE = "incremental_update"
    COMPARISON_ANALYSIS = "comparison_analysis"
    CLEANUP_OPERATION = "cleanup_operation"


class SessionStatus(str, Enum):
    ACTIVE = "active"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    ARCHIVED = "archived"


class SessionCreate(BaseModel):
    name: str
    description: Optional[str] = None
    session_type: SessionType = SessionType.DATA_IMPORT
    engagement_id: str
    metadata: Optional[dict[str, Any]] = None


class SessionUpdate(BaseModel):
    name: Optional[str] = None
    description: Optional[str] = None
    status: Optional[SessionStatus] = None
    metadata: Optional[dict[str, Any]] = None


class Session(BaseModel):
    id: UUID
    name: str
    description: Optional[str] = None
    session_type: SessionType
    status: SessionStatus
    engagement_id: str
    is_default: bool = False
    created_by: UUID
    metadata: Optional[dict[str, Any]] = None
    created_at: datetime
    updated_at: datetime


class SessionList(BaseModel):
    items: list[Session]
    total: int
    page: int
    limit: int
