//! Every statement of this engine that names a table.

use crate::statements::{TableSql, statements, table_sql};

statements! {
    WORKSPACE =
        "SELECT ws, tail, account, livemode, state FROM workspaces WHERE tail = ?1";
    WORKSPACES =
        "SELECT ws, tail, account, livemode, state FROM workspaces WHERE ws > ?1 ORDER BY ws \
         LIMIT ?2";
    OBJECT =
        "SELECT id, v, state FROM objects WHERE ws = ?1 AND acct = ?2 AND id = ?3";
    OBJECTS [along "id", "?6"] =
        "SELECT id, v, state FROM objects WHERE ws = ?1 AND acct = ?2 AND ?3 IS NULL AND id >= ?4 \
         AND id < ?5";
    INDEX [along "id", "?6"] =
        "SELECT id FROM object_index WHERE ws = ?1 AND acct = ?2 AND value = ?3 AND id >= ?4 AND \
         id < ?5 AND field = ?7";
    INDEXED_OBJECTS [along "i.id", "?6"] =
        "SELECT o.id, o.v, o.state FROM object_index i CROSS JOIN objects o WHERE i.ws = ?1 AND \
         i.acct = ?2 AND i.value = ?3 AND i.id >= ?4 AND i.id < ?5 AND i.field = ?7 AND o.ws = ?1 \
         AND o.acct = ?2 AND o.id = i.id";
    POSTING =
        "SELECT id, book, txn, type, taken_from, given_to, amount, currency, created FROM \
         postings WHERE ws = ?1 AND acct = ?2 AND id = ?3";
    POSTINGS [along "id", "?6"] =
        "SELECT id, book, txn, type, taken_from, given_to, amount, currency, created FROM \
         postings WHERE ws = ?1 AND acct = ?2 AND book = ?3 AND id >= ?4 AND id < ?5";
    EVENT =
        "SELECT id, type, created, object, previous, request, idempotency_key, by_request, \
         targets FROM events WHERE ws = ?1 AND acct = ?2 AND id = ?3";
    EVENTS_OF_TYPE [along "id", "?6"] =
        "SELECT id, type, created, object, previous, request, idempotency_key, by_request, \
         targets FROM events WHERE ws = ?1 AND acct = ?2 AND type = ?3 AND id >= ?4 AND id < ?5";
    EVENTS [along "id", "?6"] =
        "SELECT id, type, created, object, previous, request, idempotency_key, by_request, \
         targets FROM events WHERE ws = ?1 AND acct = ?2 AND ?3 IS NULL AND id >= ?4 AND id < ?5";
    JOBS =
        "SELECT ws, due, seq, acct, kind, object, detail FROM jobs WHERE ws = ?1 AND due <= ?2 \
         ORDER BY due, seq LIMIT ?3";
    ANSWERS =
        "SELECT a.ws, a.seq, a.acct, a.hash, a.idempotency_key, a.fingerprint, a.path, a.request, \
         a.status, a.created, a.event, a.body FROM answer_index i CROSS JOIN answers a WHERE i.ws \
         = ?1 AND i.part IN (0, 1) AND i.acct = ?2 AND i.hash = ?3 AND a.ws = i.ws AND a.seq = i.seq";
    OLDEST_ANSWERS =
        "SELECT ws, seq, acct, hash, '', x'', '', '', status, created, NULL, NULL FROM answers \
         WHERE ws = ?1 ORDER BY seq LIMIT ?2";
    EVENT_ACCOUNTS =
        "SELECT DISTINCT acct FROM events WHERE ws = ?1";
    OLDEST_EVENTS =
        "SELECT ws, acct, id, created FROM events WHERE ws = ?1 AND acct = ?2 ORDER BY id LIMIT \
         ?3";
    DELIVERIES =
        "SELECT ws, event, endpoint, acct, due, delivered, attempts FROM deliveries WHERE ws = ?1 \
         AND event = ?2";
    PENDING_DELIVERIES =
        "SELECT ws, event, endpoint, acct, due, delivered, attempts FROM deliveries WHERE ws = ?1 \
         AND due IS NOT NULL AND (due, event, endpoint) > (?2, ?3, ?4) ORDER BY due, event, \
         endpoint LIMIT ?5";
    LATEST_DELIVERIES =
        "SELECT ws, event, endpoint, acct, due, delivered, attempts FROM deliveries WHERE ws = ?1 \
         ORDER BY event DESC, endpoint LIMIT ?2";
    LAST_WORKSPACE =
        "SELECT max(ws) FROM workspaces";
    PUT_WORKSPACE =
        "INSERT INTO workspaces (ws, tail, account, livemode, next_due, state) VALUES (?1, ?2, \
         ?3, ?4, ?5, ?6) ON CONFLICT (ws) DO UPDATE SET next_due = excluded.next_due, state = \
         excluded.state";
    PUT_OBJECT =
        "INSERT INTO objects (ws, acct, id, v, state) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT \
         (ws, acct, id) DO UPDATE SET v = excluded.v, state = excluded.state";
    REMOVE_OBJECT =
        "DELETE FROM objects WHERE ws = ?1 AND acct = ?2 AND id = ?3";
    PUT_INDEX =
        "INSERT OR IGNORE INTO object_index (ws, acct, field, value, id) VALUES (?1, ?2, ?3, ?4, \
         ?5)";
    REMOVE_INDEX =
        "DELETE FROM object_index WHERE ws = ?1 AND acct = ?2 AND field = ?3 AND value = ?4 AND \
         id = ?5";
    PUT_POSTING =
        "INSERT INTO postings (ws, acct, id, book, txn, type, taken_from, given_to, amount, \
         currency, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    PUT_EVENT =
        "INSERT INTO events (ws, acct, id, type, created, object, previous, request, \
         idempotency_key, by_request, targets) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
         ?11)";
    REMOVE_EVENT =
        "DELETE FROM events WHERE ws = ?1 AND acct = ?2 AND id = ?3";
    PUT_JOB =
        "INSERT INTO jobs (ws, due, seq, acct, kind, object, detail) VALUES (?1, ?2, ?3, ?4, ?5, \
         ?6, ?7)";
    REMOVE_JOB =
        "DELETE FROM jobs WHERE ws = ?1 AND due = ?2 AND seq = ?3";
    PUT_ANSWER =
        "INSERT INTO answers (ws, seq, acct, hash, idempotency_key, fingerprint, path, request, \
         status, created, event, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    PUT_ANSWER_INDEX =
        "INSERT INTO answer_index (ws, part, acct, hash, seq) VALUES (?1, 0, ?2, ?3, ?4)";
    LATEST_ANSWERS =
        "SELECT count(*) FROM answer_index WHERE ws = ?1 AND part = 0";
    SETTLE_ANSWERS =
        "UPDATE answer_index SET part = 1 WHERE ws = ?1 AND part = 0";
    REMOVE_ANSWER_INDEX =
        "DELETE FROM answer_index WHERE ws = ?1 AND part IN (0, 1) AND (acct, hash, seq) IN \
         (SELECT acct, hash, seq FROM answers WHERE ws = ?1 AND seq = ?2)";
    REMOVE_ANSWER =
        "DELETE FROM answers WHERE ws = ?1 AND seq = ?2";
    PUT_DELIVERY =
        "INSERT OR REPLACE INTO deliveries (ws, event, endpoint, acct, due, delivered, attempts) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    REMOVE_DELIVERY =
        "DELETE FROM deliveries WHERE ws = ?1 AND event = ?2 AND endpoint = ?3";
    MARK =
        "INSERT INTO seal (mark) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM seal)";
    MARKED =
        "SELECT mark FROM seal";
    TABLES_COUNT =
        "SELECT count(*) FROM sqlite_schema";
    COPIES =
        "SELECT ws, part, name, until, taken, state FROM copies WHERE ws = ?1 ORDER BY part";
    PUT_COPY =
        "INSERT INTO copies (ws, part, name, until, taken, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (ws, part) DO UPDATE SET name = excluded.name, until = excluded.until, \
         taken = excluded.taken, state = excluded.state";
    REMOVE_COPY =
        "DELETE FROM copies WHERE ws = ?1 AND part = ?2";
}

/// The same for every table of rows, in the order of [`crate::tables::TABLES`].
pub(crate) const TABLES: [TableSql; 8] = [
    table_sql!(
        "objects" ["acct, id"] after ["?2, ?3"] limit "?4",
        ws "?1", at most "?2",
        ("acct, id, v, state")
        "VALUES (?1, ?2, ?3, ?4, ?5)"
    ),
    table_sql!(
        "object_index" ["acct, field, value, id"] after ["?2, ?3, ?4, ?5"] limit "?6",
        ws "?1", at most "?2",
        ("acct, field, value, id")
        "VALUES (?1, ?2, ?3, ?4, ?5)"
    ),
    table_sql!(
        "postings" ["acct, id"] after ["?2, ?3"] limit "?4",
        ws "?1", at most "?2",
        ("acct, id, book, txn, type, taken_from, given_to, amount, currency, created")
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    ),
    table_sql!(
        "events" ["acct, id"] after ["?2, ?3"] limit "?4",
        ws "?1", at most "?2",
        ("acct, id, type, created, object, previous, request, idempotency_key, by_request, \
         targets")
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    ),
    table_sql!(
        "jobs" ["due, seq"] after ["?2, ?3"] limit "?4",
        ws "?1", at most "?2",
        ("due, seq, acct, kind, object, detail")
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    ),
    table_sql!(
        "answers" ["seq"] after ["?2"] limit "?3",
        ws "?1", at most "?2",
        ("seq, acct, hash, idempotency_key, fingerprint, path, request, status, created, \
         event, body")
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    ),
    table_sql!(
        "answer_index" ["part, acct, hash, seq"] after ["?2, ?3, ?4, ?5"] limit "?6",
        ws "?1", at most "?2",
        ("part, acct, hash, seq")
        "VALUES (?1, ?2, ?3, ?4, ?5)"
    ),
    table_sql!(
        "deliveries" ["event, endpoint"] after ["?2, ?3"] limit "?4",
        ws "?1", at most "?2",
        ("event, endpoint, acct, due, delivered, attempts")
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    ),
];
