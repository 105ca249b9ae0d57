-- Every key begins with the workspace and ends in the order of creation: the primary key is the
-- list order. `acct` is the account's number in the workspace, 0 for the platform. Times are in
-- milliseconds. States are JSON; account numbers and signing secrets inside them are sealed.

-- What the store is sealed with: a keyed hash, by which another key is known at once.
CREATE TABLE seal (mark BLOB NOT NULL) STRICT;

CREATE TABLE workspaces (
  ws INTEGER PRIMARY KEY,
  tail BLOB NOT NULL UNIQUE,
  account TEXT NOT NULL,
  livemode INTEGER NOT NULL,
  next_due INTEGER,
  state TEXT NOT NULL
) STRICT;

CREATE TABLE objects (
  ws INTEGER NOT NULL,
  acct INTEGER NOT NULL,
  id TEXT NOT NULL,
  v INTEGER NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (ws, acct, id)
) STRICT, WITHOUT ROWID;

-- One row for each list filter an object answers to. `id` is the object's id, or another order's
-- key that ends with it.
CREATE TABLE object_index (
  ws INTEGER NOT NULL,
  acct INTEGER NOT NULL,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (ws, acct, field, value, id)
) STRICT, WITHOUT ROWID;

-- The journal: `amount` out of `debit_from` into `credit_to`. Rows are never changed.
CREATE TABLE postings (
  ws INTEGER NOT NULL,
  acct INTEGER NOT NULL,
  id TEXT NOT NULL,
  book TEXT NOT NULL,
  txn TEXT NOT NULL,
  type TEXT NOT NULL,
  taken_from TEXT NOT NULL,
  given_to TEXT NOT NULL,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (ws, acct, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX postings_by_book ON postings (ws, acct, book, id);

CREATE TABLE events (
  ws INTEGER NOT NULL,
  acct INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  created INTEGER NOT NULL,
  object TEXT NOT NULL,
  previous TEXT,
  request TEXT,
  idempotency_key TEXT,
  by_request INTEGER NOT NULL,
  targets INTEGER NOT NULL,
  PRIMARY KEY (ws, acct, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_type ON events (ws, acct, type, id);

CREATE TABLE jobs (
  ws INTEGER NOT NULL,
  due INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  acct INTEGER NOT NULL,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (ws, due, seq)
) STRICT, WITHOUT ROWID;

-- Answers kept for idempotency keys, in the order they were given, and the narrow index by which
-- they are found. An answer that is word for word an event's object names the event instead.
CREATE TABLE answers (
  ws INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  acct INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  idempotency_key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  path TEXT NOT NULL,
  request TEXT NOT NULL,
  status INTEGER NOT NULL,
  created INTEGER NOT NULL,
  event TEXT,
  body BLOB,
  PRIMARY KEY (ws, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE answer_index (
  ws INTEGER NOT NULL,
  acct INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (ws, acct, hash, seq)
) STRICT, WITHOUT ROWID;

-- The outbox: one row for each event and endpoint it is for, made with the event. `due` is none
-- once it is delivered or given up.
CREATE TABLE deliveries (
  ws INTEGER NOT NULL,
  event TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  acct INTEGER NOT NULL,
  due INTEGER,
  delivered INTEGER NOT NULL,
  attempts TEXT NOT NULL,
  PRIMARY KEY (ws, event, endpoint)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (ws, due) WHERE due IS NOT NULL;
