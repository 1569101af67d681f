-- +goose Up
CREATE TABLE counter (name TEXT PRIMARY KEY, n BIGINT NOT NULL);
INSERT INTO counter (name, n) VALUES ('only', 0);

-- +goose Down
DROP TABLE counter;
