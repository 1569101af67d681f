"""What the backend knows when it starts."""

from dataclasses import dataclass, field
from datetime import datetime, timezone

DEMO_CLIENT = "11111111-1111-1111-1111-111111111111"
DEMO_ENGAGEMENT = "22222222-2222-2222-2222-222222222222"
# The same uuid is the demo user and the id of the demo session.
DEMO_USER = "33333333-3333-3333-3333-333333333333"
DEMO_SESSION = "33333333-3333-3333-3333-333333333333"

PASSWORD = "legacy-demo"


@dataclass
class Client:
    id: str
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime | None


@dataclass
class Engagement:
    id: str
    name: str
    client_id: str
    description: str | None
    created_at: datetime
    updated_at: datetime | None = None
    phase: str = "active"
    scope: str = "Full Migration"
    cloud: str = "migration"
    budget: float = 0.0


@dataclass
class Access:
    """A user's association with a client."""

    id: str
    client_id: str
    role: str


@dataclass
class User:
    id: str
    email: str
    full_name: str
    role_type: str | None
    access: list[Access] = field(default_factory=list)
    # What a platform admin works in: admins need no association.
    home_client: str | None = None
    default_client: str | None = None
    default_engagement: str | None = None

    @property
    def is_platform_admin(self) -> bool:
        return self.role_type == "platform_admin"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)


def clients() -> list[Client]:
    return [
        Client(
            "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990", "Complete Test Client", None,
            at(2025, 6, 1, 10, 0, 0, 123456), at(2025, 6, 2, 11),
        ),
        Client(
            "d0c3a8b2-54a1-4c86-9d37-1c1f3e7f9a02", "Nordwind Logistik GmbH", "Spedition, Köln – München",
            at(2025, 6, 3, 8, 30), None,
        ),
        Client(DEMO_CLIENT, "Democorp", "Demonstration Client", at(2025, 5, 1, 9), at(2025, 5, 1, 9)),
    ]


def engagements() -> list[Engagement]:
    return [
        Engagement(
            "58467010-6a72-44e8-ba37-cc0238724455", "Azure Transformation 2025",
            "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990", None, at(2025, 6, 1, 10),
        ),
        Engagement(
            "58467010-6a72-44e8-ba37-cc0238724456",
            'Session Hijack – "Admin Session - Übung" <b>&amp;</b> 日本',
            "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990",
            "moves session_id handling; see /session/switch", at(2025, 7, 8, 19, 0, 14, 730477),
        ),
        Engagement(
            "b7a1f0c4-90de-4f0b-8c55-2f6f2b3a7d10", "Lagerverwaltung → Cloud",
            "d0c3a8b2-54a1-4c86-9d37-1c1f3e7f9a02", "Wave 1", at(2025, 6, 4, 7, 15), at(2025, 6, 20, 16, 45),
        ),
        Engagement(
            DEMO_ENGAGEMENT, "Cloud Migration 2024", DEMO_CLIENT, "Demonstration Engagement",
            at(2025, 5, 1, 9), at(2025, 5, 1, 9),
        ),
    ]


def users() -> list[User]:
    first = "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990"
    second = "d0c3a8b2-54a1-4c86-9d37-1c1f3e7f9a02"
    return [
        User("aaaaaaaa-0000-4000-8000-000000000001", "padmin@example.test", "Pat Admin", "platform_admin",
             home_client=first),
        User("aaaaaaaa-0000-4000-8000-000000000002", "nobody@example.test", "Noa Body", None),
        User("aaaaaaaa-0000-4000-8000-000000000003", "lone-admin@example.test", "Lo Admin", "platform_admin"),
        User("aaaaaaaa-0000-4000-8000-000000000004", "two@example.test", "Toni Zwei", "client_admin",
             access=[Access("cccccccc-0000-4000-8000-000000000001", first, "client_admin"),
                     Access("cccccccc-0000-4000-8000-000000000002", second, "client_admin")]),
        User("aaaaaaaa-0000-4000-8000-000000000005", "hijack@example.test", "Session O'Switch", "analyst",
             access=[Access("cccccccc-0000-4000-8000-000000000003", first, "analyst")],
             default_engagement="58467010-6a72-44e8-ba37-cc0238724456"),
        User(DEMO_USER, "demo@example.test", "Demo User", None,
             access=[Access("cccccccc-0000-4000-8000-000000000004", DEMO_CLIENT, "viewer")]),
    ]
