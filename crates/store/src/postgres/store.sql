CREATE TABLE IF NOT EXISTS exchequer_store (
  ws BIGINT PRIMARY KEY,
  version BIGINT NOT NULL,
  seal BYTEA
);
