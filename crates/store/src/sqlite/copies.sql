-- Sets of rows beside those that workspaces have now: snapshots, copies being made, and what is left
-- to be removed. `part` is what those rows have as their `ws`, `ws` whose they are. A snapshot has a
-- name and the workspace's state; a copy being made has the machine's time until when somebody is
-- said to be at it; what is to be removed has neither.
CREATE TABLE copies (
  ws INTEGER NOT NULL,
  part INTEGER NOT NULL,
  name TEXT,
  until INTEGER NOT NULL,
  taken INTEGER NOT NULL,
  state TEXT,
  PRIMARY KEY (ws, part)
) STRICT, WITHOUT ROWID;
