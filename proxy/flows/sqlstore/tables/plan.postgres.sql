-- Which flows a user has activated, and which one is current in each engagement.
CREATE TABLE IF NOT EXISTS {schema}user_active_flows (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL{users},
    flow_id UUID NOT NULL,
    engagement_id UUID NOT NULL{engagements},
    activated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    is_current BOOLEAN DEFAULT FALSE,
    UNIQUE (user_id, flow_id)
);

-- One current flow for a user in an engagement.
CREATE UNIQUE INDEX IF NOT EXISTS user_active_flows_current ON {schema}user_active_flows (user_id, engagement_id) WHERE is_current;

-- What a flow is, beyond what the backend keeps of it.
CREATE TABLE IF NOT EXISTS {schema}flow_metadata (
    flow_id UUID PRIMARY KEY,
    flow_type VARCHAR(50) NOT NULL,
    status VARCHAR(50) NOT NULL DEFAULT 'pending',
    engagement_id UUID NOT NULL{engagements},
    created_by UUID NOT NULL{users},
    metadata JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
);

CREATE INDEX IF NOT EXISTS flow_metadata_creator ON {schema}flow_metadata (created_by, engagement_id);
