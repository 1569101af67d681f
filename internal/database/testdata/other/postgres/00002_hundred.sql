-- +goose Up
UPDATE marks SET n = n + 100;

-- +goose Down
UPDATE marks SET n = n - 100;
