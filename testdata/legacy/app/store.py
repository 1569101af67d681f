"""The backend's memory; the legacy build has PostgreSQL here."""

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from . import seeds


class Store:
    def __init__(self) -> None:
        self.clients = {c.id: c for c in seeds.clients()}
        self.engagements = {e.id: e for e in seeds.engagements()}
        self.users = {u.id: u for u in seeds.users()}
        self.imports: dict[str, dict[str, Any]] = {}
        self.flows: dict[str, dict[str, Any]] = {}
        self.validations: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}

    def user_by_email(self, email: str) -> seeds.User | None:
        return next((u for u in self.users.values() if u.email == email), None)

    def engagements_of(self, client_id: str) -> list[seeds.Engagement]:
        return [e for e in self.engagements.values() if e.client_id == client_id]

    def working_place(self, user: seeds.User) -> tuple[seeds.Client, seeds.Engagement] | None:
        """The client and engagement that a user's context shows; None without access to any."""
        reachable = [a.client_id for a in user.access]
        if user.is_platform_admin:
            reachable = [user.home_client] if user.home_client else []
            if reachable:
                reachable += [c for c in self.clients if c != user.home_client]
        chosen = self.engagements.get(user.default_engagement or "")
        if chosen is not None and chosen.client_id in reachable:
            return self.clients[chosen.client_id], chosen
        order = [c for c in reachable if c == user.default_client] + reachable
        for client_id in order:
            for engagement in self.engagements_of(client_id):
                return self.clients[client_id], engagement
        return None

    def add_flow(self, flow_type: str, name: str, client_id: str | None, owner: str,
                 configuration: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(timezone.utc)
        flow = {
            "id": str(uuid4()), "type": flow_type, "name": name, "client_id": client_id, "owner": owner,
            "configuration": configuration, "created_at": now,
        }
        self.flows[flow["id"]] = flow
        return flow
