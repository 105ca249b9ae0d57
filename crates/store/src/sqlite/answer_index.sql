-- The latest places of kept answers lie apart, in part 0. Hashes fall anywhere in a large index, so
-- that every answer would change a page of its own; in a small one a batch's answers share a few.
CREATE TABLE answer_index_new (
  ws INTEGER NOT NULL,
  part INTEGER NOT NULL,
  acct INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (ws, part, acct, hash, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO answer_index_new (ws, part, acct, hash, seq)
  SELECT ws, 1, acct, hash, seq FROM answer_index ORDER BY ws, acct, hash, seq;
DROP TABLE answer_index;
ALTER TABLE answer_index_new RENAME TO answer_index;
