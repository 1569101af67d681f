"""Puts the application together."""

import os

from fastapi import FastAPI

from . import errors, middleware
from .api import auth, comparison, context, engagements, events, flows, imports, sessions, system, validation
from .store import Store


def create_app() -> FastAPI:
    app = FastAPI(title="Legacy Platform API", version="1.0.0", docs_url=None, redoc_url=None)
    app.state.store = Store()
    app.state.heartbeat = float(os.environ.get("LEGACY_HEARTBEAT", "2"))
    errors.install(app)
    middleware.install(app)
    for module in (system, auth, context, engagements, imports, flows, events):
        app.include_router(module.router)
    if os.environ.get("LEGACY_PAPER") == "1":
        for module in (validation, comparison, sessions):
            app.include_router(module.router)
    return app
