-- Grows with each change in an engagement, so that replicas know whether what they have read still holds.
CREATE TABLE flow_versions (
    engagement_id VARCHAR(36) PRIMARY KEY,
    version BIGINT NOT NULL
);

-- Flows that are to be made, written down before the backend is told. Times are microseconds since 1970.
CREATE TABLE flow_intents (
    id VARCHAR(36) PRIMARY KEY,
    user_id VARCHAR(36) NOT NULL,
    idempotency_key TEXT,
    digest TEXT NOT NULL,
    engagement_id VARCHAR(36) NOT NULL,
    flow_type VARCHAR(50) NOT NULL,
    status VARCHAR(50) NOT NULL,
    name TEXT NOT NULL,
    metadata TEXT,
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    answer TEXT,
    UNIQUE (user_id, idempotency_key)
);

-- Since when the backend does not list a flow any more for a user.
CREATE TABLE flow_absences (
    user_id VARCHAR(36) NOT NULL,
    flow_id VARCHAR(36) NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (user_id, flow_id)
);
