-- +goose Up
CREATE TABLE marks (n BIGINT NOT NULL);
INSERT INTO marks (n) VALUES (0);

-- +goose Down
DROP TABLE marks;
