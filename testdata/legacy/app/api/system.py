"""Health, and what developers left in."""

from typing import Any

from fastapi import APIRouter, Request

from ..middleware import tenant_of

router = APIRouter(tags=["system"])


@router.get("/health")
@router.get("/api/v1/health")
async def health() -> dict[str, Any]:
    return {"status": "healthy", "service": "legacy-platform-api", "version": "1.0.0"}


def session_of(request: Request, failure: str, told: dict[str, Any]) -> dict[str, Any]:
    """Meant to tell the caller's session. The attribute went away and the code stayed."""
    try:
        return {"status": "ok", **told, "session_id": tenant_of(request).session_id}
    except AttributeError as e:
        return {"error": str(e), "status": failure}


@router.get("/debug/context")
async def debug_context(request: Request) -> dict[str, Any]:
    return session_of(request, "context_extraction_failed", {})


@router.get("/debug/context-middleware")
async def debug_middleware(request: Request) -> dict[str, Any]:
    return session_of(request, "middleware_test_failed", {"middleware": "working"})


@router.get("/debug/test-dependency")
async def debug_dependency(request: Request) -> dict[str, Any]:
    return session_of(request, "dependency_test_failed", {"dependency": "working"})


@router.get("/debug/failure")
async def debug_failure() -> dict[str, Any]:
    raise RuntimeError("this route always fails")


@router.post("/api/v1/performance/clear-cache")
async def clear_cache() -> dict[str, Any]:
    return {
        "status": "success",
        "message": "Caches cleared, sqlalchemy_session expired",
        "cleared": ["query_cache", "sqlalchemy_session"],
    }
