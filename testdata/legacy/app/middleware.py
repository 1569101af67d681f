"""What every request passes, from the outside in: CORS, the gates, the trace id."""

from dataclasses import dataclass
from uuid import uuid4

from fastapi import FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.middleware.base import BaseHTTPMiddleware

from . import seeds
from .security import user_id_of_token

ORIGINS = [
    "http://localhost:8081",
    "http://localhost:3000",
    "http://localhost:5173",
    "http://localhost:8080",
]

ADMIN_PREFIXES = (
    "/api/v1/admin/",
    "/api/v1/auth/admin/",
    "/api/v1/auth/user-profile/",
    "/api/v1/auth/pending-approvals",
    "/api/v1/auth/active-users",
)

EXEMPT_PREFIXES = (
    "/health",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/static",
    "/status",
    "/debug/routes",
    "/api/v1/health",
    "/api/v1/me",
    "/api/v1/context/me",
    "/api/v1/context/clients",
    "/api/v1/context/engagements",
    "/api/v1/context-establishment/",
    "/api/v1/clients",
    "/api/v1/auth/login",
    "/api/v1/auth/register",
    "/api/v1/auth/registration-status",
    "/api/v1/auth/demo/",
    "/api/v1/auth/system/info",
    "/api/v1/data-import/latest-import",
)

CLIENT_HEADERS = ("x-client-account-id", "x-context-client-id", "client-account-id", "x-client-id")
ENGAGEMENT_HEADERS = ("x-engagement-id", "x-context-engagement-id", "engagement-id")
USER_HEADERS = ("x-user-id", "x-context-user-id", "user-id")
FLOW_HEADERS = ("x-flow-id",)


@dataclass
class RequestContext:
    """Who the caller says to be working for. It has no session_id any more; some code still asks for it."""

    client_id: str | None
    engagement_id: str | None
    user_id: str | None
    flow_id: str | None


def first_of(headers: Headers, names: tuple[str, ...]) -> str | None:
    for name in names:
        if value := headers.get(name):
            parts = [part.strip() for part in value.split(",") if part.strip()]
            return parts[0] if parts else value
    return None


def tenant_of(request: Request) -> RequestContext:
    h = request.headers
    return RequestContext(
        first_of(h, CLIENT_HEADERS), first_of(h, ENGAGEMENT_HEADERS),
        first_of(h, USER_HEADERS), first_of(h, FLOW_HEADERS),
    )


def require(tenant: RequestContext) -> None:
    for value, what, header in (
        (tenant.client_id, "Client account", "X-Client-Account-ID"),
        (tenant.engagement_id, "Engagement", "X-Engagement-ID"),
    ):
        if not value:
            raise HTTPException(403, f"{what} context is required. Please send the {header} header.")


class TenantGate(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next):
        path = request.url.path
        if request.method == "OPTIONS":
            return await call_next(request)
        if path.startswith(ADMIN_PREFIXES):
            return self.refuse_non_admin(request, path) or await call_next(request)
        if path == "/" or path.startswith(EXEMPT_PREFIXES):
            return await call_next(request)

        tenant = tenant_of(request)
        try:
            require(tenant)
        except HTTPException as e:
            body = {"error": "Context extraction failed", "detail": str(e), "path": path}
            return JSONResponse(body, status_code=400)
        response = await call_next(request)
        response.headers["X-Context-Client"] = tenant.client_id
        response.headers["X-Context-Engagement"] = tenant.engagement_id
        response.headers["X-Context-Demo"] = str(tenant.client_id == seeds.DEMO_CLIENT)
        return response

    @staticmethod
    def refuse_non_admin(request: Request, path: str) -> JSONResponse | None:
        # The header is believed before the token: that is how the legacy build is.
        user_id = request.headers.get("x-user-id") or user_id_of_token(request.headers.get("authorization"))
        if not user_id:
            body = {"error": "Authentication required", "detail": "Admin routes need a signed-in user", "path": path}
            return JSONResponse(body, status_code=401)
        user = request.app.state.store.users.get(user_id)
        if user is None or not user.is_platform_admin:
            body = {"error": "Access denied", "detail": "Admin routes need the platform admin role", "path": path}
            return JSONResponse(body, status_code=403)
        return None


class Trace(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next):
        request.state.trace_id = request.headers.get("x-trace-id") or str(uuid4())
        response = await call_next(request)
        response.headers["X-Trace-ID"] = request.state.trace_id
        return response


def install(app: FastAPI) -> None:
    # The last one added is the outermost.
    app.add_middleware(Trace)
    app.add_middleware(TenantGate)
    app.add_middleware(
        CORSMiddleware, allow_origins=ORIGINS, allow_credentials=True, allow_methods=["*"], allow_headers=["*"],
    )
