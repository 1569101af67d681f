"""The shapes of errors that the framework's handlers make. The gates of middleware.py make two more."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

MESSAGES: dict[int, tuple[str, list[str]]] = {
    400: ("Invalid request format",
          ["Check your request format", "Ensure all required fields are provided"]),
    401: ("Authentication required. Please log in.",
          ["Please log in and try again", "Your session may have expired"]),
    403: ("Access to this resource is denied", ["Ask an administrator for access"]),
    404: ("The requested resource was not found", ["Check the address and the id"]),
    500: ("An internal server error occurred",
          ["Please try again later", "If the problem persists, contact support"]),
}
OTHER = ("The request could not be completed", ["Please try again later"])


class TaskError(Exception):
    """A background task could not be started. Whatever the cause was, the client is told 500."""

    def __init__(self, task: str) -> None:
        super().__init__(task)
        self.task = task


def answer(request: Request, status: int, error: dict[str, Any]) -> JSONResponse:
    body = {
        "error": error,
        "status": "error",
        "path": request.url.path,
        "method": request.method,
        "trace_id": request.state.trace_id,
    }
    return JSONResponse(body, status_code=status)


async def on_http_exception(request: Request, exc: HTTPException) -> JSONResponse:
    message, suggestions = MESSAGES.get(exc.status_code, OTHER)
    return answer(request, exc.status_code, {
        "error_code": f"HTTP_{exc.status_code}",
        "message": message,
        "details": {"original_message": exc.detail},
        "recovery_suggestions": suggestions,
    })


async def on_validation_error(request: Request, exc: RequestValidationError) -> JSONResponse:
    errors = [
        {
            "field": ".".join(str(part) for part in e["loc"] if part != "body"),
            "message": e["msg"],
            "type": e["type"],
        }
        for e in exc.errors()
    ]
    return answer(request, 422, {
        "error_code": "VAL_002",
        "message": "Request validation failed",
        "details": {"validation_errors": errors},
        "recovery_suggestions": [
            "Check the request format and required fields",
            "Ensure all values match the expected types",
        ],
    })


async def on_task_error(request: Request, exc: TaskError) -> JSONResponse:
    return answer(request, 500, {
        "error_code": "TASK_001",
        "message": "A background task failed",
        "details": {"task_name": exc.task},
        "recovery_suggestions": ["Please try again later", "Check the data and upload it again"],
    })


async def on_uncaught(request: Request, exc: Exception) -> JSONResponse:
    # Called outside every middleware: no trace id, no CORS headers.
    body = {
        "error": {
            "error_code": "SYS_001",
            "message": "An unexpected error occurred",
            "details": {},
            "recovery_suggestions": ["Please try again later", "If the problem persists, contact support"],
            "trace_id": None,
        },
        "status": "error",
        "path": request.url.path,
        "method": request.method,
    }
    return JSONResponse(body, status_code=500)


def install(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(TaskError, on_task_error)
    app.add_exception_handler(Exception, on_uncaught)
