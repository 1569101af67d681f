-- +goose Up
CREATE TABLE flag_state (
	one     SMALLINT PRIMARY KEY CHECK (one = 1),
	version BIGINT NOT NULL,  -- of the State; of the newest entry of the journal
	kill    TEXT,             -- the kill switch as JSON, when it is on
	freezes TEXT              -- a list as JSON, when there are any
);
INSERT INTO flag_state (one, version) VALUES (1, 0);

CREATE TABLE flag (
	endpoint TEXT PRIMARY KEY,
	changed  BIGINT NOT NULL, -- the version of the State that changed it last
	flag     TEXT NOT NULL    -- as JSON
);

CREATE TABLE flag_journal (
	version  BIGINT PRIMARY KEY, -- of the State that the change led to
	endpoint TEXT NOT NULL,      -- '' for what is about no flag
	entry    TEXT NOT NULL       -- as JSON, with its place in the chain
);
CREATE INDEX flag_journal_by_endpoint ON flag_journal (endpoint, version);

-- +goose Down
DROP TABLE flag_journal;
DROP TABLE flag;
DROP TABLE flag_state;
