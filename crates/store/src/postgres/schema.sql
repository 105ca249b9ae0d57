-- The same tables as in a file, with what several programs on one database need besides: the
-- version of a workspace, counted up by every batch, and the lease on what is due in it. Every key
-- begins with the workspace, and texts are compared by their bytes.

CREATE TABLE workspaces (
  ws BIGINT PRIMARY KEY,
  tail BYTEA NOT NULL,
  account TEXT COLLATE "C" NOT NULL,
  livemode BOOLEAN NOT NULL,
  next_due BIGINT,
  state TEXT NOT NULL,
  version BIGINT NOT NULL,
  -- When, by the machines' clocks, a job or a sweep is due, and a delivery; none if never by itself.
  wake_at BIGINT,
  deliver_at BIGINT,
  -- Which program looks after both, and until when.
  lease_owner BIGINT,
  lease_until BIGINT NOT NULL
);
CREATE INDEX workspaces_wake ON workspaces (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX workspaces_deliver ON workspaces (deliver_at) WHERE deliver_at IS NOT NULL;

-- The last batch of each program in a workspace: after a lost connection it tells whether that
-- batch stands.
CREATE TABLE batches (
  ws BIGINT NOT NULL,
  node BIGINT NOT NULL,
  batch BIGINT NOT NULL,
  made BIGINT NOT NULL,
  PRIMARY KEY (ws, node)
);

CREATE TABLE objects (
  ws BIGINT NOT NULL,
  acct BIGINT NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  v BIGINT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (ws, acct, id)
);

CREATE TABLE object_index (
  ws BIGINT NOT NULL,
  acct BIGINT NOT NULL,
  field TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (ws, acct, field, value, id)
);

CREATE TABLE postings (
  ws BIGINT NOT NULL,
  acct BIGINT NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  book TEXT COLLATE "C" NOT NULL,
  txn TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  taken_from TEXT COLLATE "C" NOT NULL,
  given_to TEXT COLLATE "C" NOT NULL,
  amount BIGINT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (ws, acct, id)
);
CREATE INDEX postings_by_book ON postings (ws, acct, book, id);

CREATE TABLE events (
  ws BIGINT NOT NULL,
  acct BIGINT NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  object TEXT NOT NULL,
  previous TEXT,
  request TEXT,
  idempotency_key TEXT,
  by_request BOOLEAN NOT NULL,
  targets BIGINT NOT NULL,
  PRIMARY KEY (ws, acct, id)
);
CREATE INDEX events_by_type ON events (ws, acct, type, id);

CREATE TABLE jobs (
  ws BIGINT NOT NULL,
  due BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  acct BIGINT NOT NULL,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (ws, due, seq)
);

CREATE TABLE answers (
  ws BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  acct BIGINT NOT NULL,
  hash BIGINT NOT NULL,
  idempotency_key TEXT NOT NULL,
  fingerprint BYTEA NOT NULL,
  path TEXT NOT NULL,
  request TEXT NOT NULL,
  status BIGINT NOT NULL,
  created BIGINT NOT NULL,
  event TEXT,
  body BYTEA,
  PRIMARY KEY (ws, seq)
);
CREATE TABLE answer_index (
  ws BIGINT NOT NULL,
  acct BIGINT NOT NULL,
  hash BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (ws, acct, hash, seq)
);

CREATE TABLE deliveries (
  ws BIGINT NOT NULL,
  event TEXT COLLATE "C" NOT NULL,
  endpoint TEXT COLLATE "C" NOT NULL,
  acct BIGINT NOT NULL,
  due BIGINT,
  delivered BOOLEAN NOT NULL,
  attempts TEXT NOT NULL,
  PRIMARY KEY (ws, event, endpoint)
);
CREATE INDEX deliveries_due ON deliveries (ws, due, event, endpoint) WHERE due IS NOT NULL;
