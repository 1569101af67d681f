-- Which flows a user has activated, and which one is current in each engagement.
CREATE TABLE IF NOT EXISTS user_active_flows (
    id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
        || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
    user_id TEXT NOT NULL{users},
    flow_id TEXT NOT NULL,
    engagement_id TEXT NOT NULL{engagements},
    activated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    is_current BOOLEAN DEFAULT FALSE,
    UNIQUE (user_id, flow_id)
);

-- One current flow for a user in an engagement.
CREATE UNIQUE INDEX IF NOT EXISTS user_active_flows_current ON user_active_flows (user_id, engagement_id) WHERE is_current;

-- What a flow is, beyond what the backend keeps of it.
CREATE TABLE IF NOT EXISTS flow_metadata (
    flow_id TEXT PRIMARY KEY,
    flow_type VARCHAR(50) NOT NULL,
    status VARCHAR(50) NOT NULL DEFAULT 'pending',
    engagement_id TEXT NOT NULL{engagements},
    created_by TEXT NOT NULL{users},
    metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX IF NOT EXISTS flow_metadata_creator ON flow_metadata (created_by, engagement_id);
