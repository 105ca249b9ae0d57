//! Every statement of this engine that names a table.

use crate::statements::{TableSql, statements, table_sql};

statements! {
    WORKSPACE =
        "SELECT ws, tail, account, livemode, state FROM workspaces WHERE ws = $1";
    STATE =
        "SELECT version, state FROM workspaces WHERE ws = $1";
    WORKSPACES =
        "SELECT ws, tail, account, livemode, state FROM workspaces WHERE ws > $1 ORDER BY ws \
         LIMIT $2";
    OBJECT =
        "SELECT id, v, state FROM objects WHERE ws = $1 AND acct = $2 AND id = $3";
    OBJECTS [along "id", "$5"] =
        "SELECT id, v, state FROM objects WHERE ws = $1 AND acct = $2 AND id >= $3 AND id < $4";
    INDEX [along "id", "$5"] =
        "SELECT id FROM object_index WHERE ws = $1 AND acct = $2 AND value = $6 AND id >= $3 AND \
         id < $4 AND field = $7";
    INDEXED_OBJECTS [along "i.id", "$5"] =
        "SELECT o.id, o.v, o.state FROM object_index i JOIN objects o ON o.ws = i.ws AND o.acct = \
         i.acct AND o.id = i.id WHERE i.ws = $1 AND i.acct = $2 AND i.id >= $3 AND i.id < $4 AND \
         i.value = $6 AND i.field = $7";
    POSTING =
        "SELECT id, book, txn, type, taken_from, given_to, amount, currency, created FROM \
         postings WHERE ws = $1 AND acct = $2 AND id = $3";
    POSTINGS [along "id", "$5"] =
        "SELECT id, book, txn, type, taken_from, given_to, amount, currency, created FROM \
         postings WHERE ws = $1 AND acct = $2 AND book = $6 AND id >= $3 AND id < $4";
    EVENT =
        "SELECT id, type, created, object, previous, request, idempotency_key, by_request, \
         targets FROM events WHERE ws = $1 AND acct = $2 AND id = $3";
    EVENTS_OF_TYPE [along "id", "$5"] =
        "SELECT id, type, created, object, previous, request, idempotency_key, by_request, \
         targets FROM events WHERE ws = $1 AND acct = $2 AND type = $6 AND id >= $3 AND id < $4";
    EVENTS [along "id", "$5"] =
        "SELECT id, type, created, object, previous, request, idempotency_key, by_request, \
         targets FROM events WHERE ws = $1 AND acct = $2 AND id >= $3 AND id < $4";
    JOBS =
        "SELECT ws, due, seq, acct, kind, object, detail FROM jobs WHERE ws = $1 AND due <= $2 \
         ORDER BY due, seq LIMIT $3";
    /// `OFFSET 0` keeps the steps in this order. As a plain join the planner may begin with every
    /// answer of the workspace, because it takes a new table for a small one.
    ANSWERS =
        "SELECT a.ws, a.seq, a.acct, a.hash, a.idempotency_key, a.fingerprint, a.path, a.request, \
         a.status, a.created, a.event, a.body FROM (SELECT seq FROM answer_index WHERE ws = $1 AND \
         part IN (0, 1) AND acct = $2 AND hash = $3 OFFSET 0) AS i CROSS JOIN LATERAL (SELECT * \
         FROM answers WHERE ws = $1 AND seq = i.seq OFFSET 0) AS a";
    /// The same for the keys of a whole batch.
    ANSWERS_OF_KEYS =
        "SELECT a.ws, a.seq, a.acct, a.hash, a.idempotency_key, a.fingerprint, a.path, a.request, \
         a.status, a.created, a.event, a.body FROM unnest($2::bigint[], $3::bigint[]) \
         AS k (acct, hash) CROSS JOIN LATERAL (SELECT seq FROM answer_index WHERE ws = $1 AND \
         part IN (0, 1) AND acct = k.acct AND hash = k.hash OFFSET 0) AS i CROSS JOIN LATERAL \
         (SELECT * FROM answers WHERE ws = $1 AND seq = i.seq OFFSET 0) AS a";
    OLDEST_ANSWERS =
        "SELECT ws, seq, acct, hash, '', ''::bytea, '', '', status, created, NULL::text, \
         NULL::bytea FROM answers WHERE ws = $1 ORDER BY seq LIMIT $2";
    EVENT_ACCOUNTS =
        "SELECT DISTINCT acct FROM events WHERE ws = $1";
    OLDEST_EVENTS =
        "SELECT ws, acct, id, created FROM events WHERE ws = $1 AND acct = $2 ORDER BY id LIMIT \
         $3";
    DELIVERIES =
        "SELECT ws, event, endpoint, acct, due, delivered, attempts FROM deliveries WHERE ws = $1 \
         AND event = $2";
    PENDING_DELIVERIES =
        "SELECT ws, event, endpoint, acct, due, delivered, attempts FROM deliveries WHERE ws = $1 \
         AND due IS NOT NULL AND (due, event, endpoint) > ($2, $3, $4) ORDER BY due, event, \
         endpoint LIMIT $5";
    LATEST_DELIVERIES =
        "SELECT ws, event, endpoint, acct, due, delivered, attempts FROM deliveries WHERE ws = $1 \
         ORDER BY event DESC, endpoint LIMIT $2";
    PUT_OBJECTS =
        "INSERT INTO objects (ws, acct, id, v, state) SELECT $1::bigint, t.* FROM \
         unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[]) AS t ON CONFLICT (ws, acct, \
         id) DO UPDATE SET v = excluded.v, state = excluded.state";
    REMOVE_OBJECT =
        "DELETE FROM objects WHERE ws = $1 AND acct = $2 AND id = $3";
    PUT_INDEX =
        "INSERT INTO object_index (ws, acct, field, value, id) SELECT $1::bigint, t.* FROM \
         unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) AS t ON CONFLICT (ws, acct, \
         field, value, id) DO NOTHING";
    REMOVE_INDEX =
        "DELETE FROM object_index WHERE ws = $1 AND acct = $2 AND field = $3 AND value = $4 AND \
         id = $5";
    PUT_POSTINGS =
        "INSERT INTO postings (ws, acct, id, book, txn, type, taken_from, given_to, amount, \
         currency, created) SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::text[], \
         $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], \
         $11::bigint[]) AS t";
    REMOVE_EVENT =
        "DELETE FROM events WHERE ws = $1 AND acct = $2 AND id = $3";
    PUT_EVENTS =
        "INSERT INTO events (ws, acct, id, type, created, object, previous, request, \
         idempotency_key, by_request, targets) SELECT $1::bigint, t.* FROM unnest($2::bigint[], \
         $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], \
         $10::boolean[], $11::bigint[]) AS t";
    REMOVE_JOB =
        "DELETE FROM jobs WHERE ws = $1 AND due = $2 AND seq = $3";
    PUT_JOBS =
        "INSERT INTO jobs (ws, due, seq, acct, kind, object, detail) SELECT $1::bigint, t.* FROM \
         unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[]) AS \
         t";
    REMOVE_ANSWER_INDEX =
        "DELETE FROM answer_index WHERE ws = $1 AND part IN (0, 1) AND seq = $2 AND acct = (SELECT \
         acct FROM answers WHERE ws = $1 AND seq = $2) AND hash = (SELECT hash FROM answers WHERE \
         ws = $1 AND seq = $2)";
    REMOVE_ANSWER =
        "DELETE FROM answers WHERE ws = $1 AND seq = $2";
    PUT_ANSWER_INDEX =
        "INSERT INTO answer_index (ws, part, acct, hash, seq) SELECT $1::bigint, 1, t.* FROM \
         unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS t";
    PUT_ANSWERS =
        "INSERT INTO answers (ws, seq, acct, hash, idempotency_key, fingerprint, path, request, \
         status, created, event, body) SELECT $1::bigint, t.* FROM unnest($2::bigint[], \
         $3::bigint[], $4::bigint[], $5::text[], $6::bytea[], $7::text[], $8::text[], \
         $9::bigint[], $10::bigint[], $11::text[], $12::bytea[]) AS t";
    REMOVE_DELIVERY =
        "DELETE FROM deliveries WHERE ws = $1 AND event = $2 AND endpoint = $3";
    PUT_DELIVERIES =
        "INSERT INTO deliveries (ws, event, endpoint, acct, due, delivered, attempts) SELECT \
         $1::bigint, t.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], \
         $6::boolean[], $7::text[]) AS t ON CONFLICT (ws, event, endpoint) DO UPDATE SET acct = \
         excluded.acct, due = excluded.due, delivered = excluded.delivered, attempts = \
         excluded.attempts";
    /// Waits for whoever has the row. The state is sent only where it is not the one we know.
    LOCK =
        "SELECT version, CASE WHEN version = $2 THEN NULL ELSE state END, tail, lease_owner, \
         lease_until, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM workspaces \
         WHERE ws = $1 FOR UPDATE";
    MAKE =
        "INSERT INTO workspaces (ws, tail, account, livemode, state, version, lease_until) VALUES \
         ($1, $2, $3, $4, $5, 0, 0) ON CONFLICT (ws) DO NOTHING";
    LAST_BATCH =
        "SELECT 1 FROM batches WHERE ws = $1 AND node = $2 AND batch = $3";
    KEEP_BATCH =
        "INSERT INTO batches (ws, node, batch, made) VALUES ($1, $2, $3, $4) ON CONFLICT (ws, \
         node) DO UPDATE SET batch = excluded.batch, made = excluded.made";
    /// Programs that ended leave their last batch behind.
    FORGET_BATCHES =
        "DELETE FROM batches WHERE ws = $1 AND made < $2";
    /// When the next delivery is due by the machine's clock follows from the rows just written.
    KEEP_WORKSPACE =
        "UPDATE workspaces SET version = $2, next_due = $3, state = $4, wake_at = $5, lease_owner \
         = $6, lease_until = $7, deliver_at = (SELECT CASE WHEN NOT $8::boolean THEN min(due) - \
         $9::bigint WHEN min(due) <= $9::bigint THEN 0 END FROM deliveries WHERE ws = $10 AND due \
         IS NOT NULL) WHERE ws = $1";
    /// The only statement that looks at all workspaces. It locks nothing.
    DUE =
        "SELECT ws, tail, account, livemode, state, version, lease_owner, lease_until, \
         (extract(epoch FROM now()) * 1000)::bigint FROM ( (SELECT * FROM workspaces WHERE \
         wake_at <= (extract(epoch FROM now()) * 1000)::bigint ORDER BY wake_at LIMIT 256) UNION \
         (SELECT * FROM workspaces WHERE deliver_at <= (extract(epoch FROM now()) * 1000)::bigint \
         ORDER BY deliver_at LIMIT 256)) AS due";
    /// A row that a batch has locked is left to it: the batch renews the lease itself.
    CLAIM =
        "UPDATE workspaces SET lease_owner = $2, \
         lease_until = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $3 \
         WHERE ws = $1 AND ws IN (SELECT ws FROM workspaces WHERE ws = $1 AND (lease_owner = $2 \
         OR lease_until <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint) \
         FOR UPDATE SKIP LOCKED)";
    STORE_EXISTS =
        "SELECT to_regclass('exchequer_store') IS NOT NULL";
    SERVER_ENCODING =
        "SELECT current_setting('server_encoding')";
    MAKE_STORE =
        "INSERT INTO exchequer_store VALUES (0, 0, NULL) ON CONFLICT (ws) DO NOTHING";
    KEEP_STORE =
        "UPDATE exchequer_store SET version = $1, seal = $2 WHERE ws = 0";
    STORE_ROW =
        "SELECT version, seal FROM exchequer_store WHERE ws = 0 FOR UPDATE";
    COPIES =
        "SELECT ws, part, name, until, taken, state FROM copies WHERE ws = $1 ORDER BY part";
    PUT_COPY =
        "INSERT INTO copies (ws, part, name, until, taken, state) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (ws, part) DO UPDATE SET name = excluded.name, until = excluded.until, \
         taken = excluded.taken, state = excluded.state";
    REMOVE_COPY =
        "DELETE FROM copies WHERE ws = $1 AND part = $2";
}

/// The same for every table of rows, in the order of [`crate::tables::TABLES`].
pub(crate) const TABLES: [TableSql; 8] = [
    table_sql!(
        "objects" ["acct, id"] after ["$2, $3"] limit "$4",
        ws "$1", at most "$2",
        ("acct, id, v, state")
        "SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::text[], $4::bigint[], \
         $5::text[]) AS t"
    ),
    table_sql!(
        "object_index" ["acct, field, value, id"] after ["$2, $3, $4, $5"] limit "$6",
        ws "$1", at most "$2",
        ("acct, field, value, id")
        "SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::text[], $4::text[], \
         $5::text[]) AS t"
    ),
    table_sql!(
        "postings" ["acct, id"] after ["$2, $3"] limit "$4",
        ws "$1", at most "$2",
        ("acct, id, book, txn, type, taken_from, given_to, amount, currency, created")
        "SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::text[], $4::text[], \
         $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], \
         $11::bigint[]) AS t"
    ),
    table_sql!(
        "events" ["acct, id"] after ["$2, $3"] limit "$4",
        ws "$1", at most "$2",
        ("acct, id, type, created, object, previous, request, idempotency_key, by_request, \
         targets")
        "SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::text[], $4::text[], \
         $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[], \
         $11::bigint[]) AS t"
    ),
    table_sql!(
        "jobs" ["due, seq"] after ["$2, $3"] limit "$4",
        ws "$1", at most "$2",
        ("due, seq, acct, kind, object, detail")
        "SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], \
         $5::text[], $6::text[], $7::text[]) AS t"
    ),
    table_sql!(
        "answers" ["seq"] after ["$2"] limit "$3",
        ws "$1", at most "$2",
        ("seq, acct, hash, idempotency_key, fingerprint, path, request, status, created, \
         event, body")
        "SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], \
         $5::text[], $6::bytea[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], \
         $11::text[], $12::bytea[]) AS t"
    ),
    table_sql!(
        "answer_index" ["part, acct, hash, seq"] after ["$2, $3, $4, $5"] limit "$6",
        ws "$1", at most "$2",
        ("part, acct, hash, seq")
        "SELECT $1::bigint, t.* FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], \
         $5::bigint[]) AS t"
    ),
    table_sql!(
        "deliveries" ["event, endpoint"] after ["$2, $3"] limit "$4",
        ws "$1", at most "$2",
        ("event, endpoint, acct, due, delivered, attempts")
        "SELECT $1::bigint, t.* FROM unnest($2::text[], $3::text[], $4::bigint[], \
         $5::bigint[], $6::boolean[], $7::text[]) AS t"
    ),
];
