-- The same key as in a file, where the latest places lie apart, in part 0. Here all are in part 1
-- from the beginning: each writer would have to settle what another had gathered.
ALTER TABLE answer_index RENAME TO answer_index_1;
CREATE TABLE answer_index (
  ws BIGINT NOT NULL,
  part BIGINT NOT NULL,
  acct BIGINT NOT NULL,
  hash BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (ws, part, acct, hash, seq)
);
INSERT INTO answer_index (ws, part, acct, hash, seq)
  SELECT ws, 1, acct, hash, seq FROM answer_index_1;
DROP TABLE answer_index_1;
