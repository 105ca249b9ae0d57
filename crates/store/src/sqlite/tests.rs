use super::*;
use crate::overlay::Overlay;
use crate::rows::{AnswerKey, AnswerRow, Scope};

const SCOPE: Scope = Scope { ws: 1, acct: 0 };

fn answer(hash: i64) -> AnswerRow {
    AnswerRow {
        acct: SCOPE.acct,
        hash,
        key: format!("key {hash}"),
        fingerprint: vec![0; 16],
        path: "/v1/customers".into(),
        request: "req_1".into(),
        status: 200,
        created: 0,
        event: None,
        body: Some(vec![1]),
    }
}

/// Hashes in no order, as real ones are.
fn hash(seq: i64) -> i64 {
    seq.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())
}

fn batch(writer: &mut Writer, seqs: std::ops::Range<i64>) {
    let mut overlay = Overlay::default();
    for seq in seqs {
        overlay.answers.put(AnswerKey { ws: SCOPE.ws, seq }, answer(hash(seq)));
    }
    overlay.keep();
    writer.begin().unwrap();
    writer.apply(&overlay).unwrap();
}

fn places(file: &Connection, part: i64) -> i64 {
    let sql = "SELECT count(*) FROM answer_index WHERE ws = 1 AND part = ?1";
    file.query_row(sql, [part], |row| row.get(0)).unwrap()
}

#[test]
fn answers_are_found_before_and_after_they_are_settled() {
    let (database, mut writer) = Database::open(":memory:").unwrap();
    let file = database.raw().unwrap();
    let most = writer::LATEST_ANSWERS_MAX;
    batch(&mut writer, 0..most);
    assert_eq!((places(&file, 0), places(&file, 1)), (most, 0));
    batch(&mut writer, most..most + 1);
    assert_eq!((places(&file, 0), places(&file, 1)), (0, most + 1));
    batch(&mut writer, most + 1..most + 11);
    assert_eq!((places(&file, 0), places(&file, 1)), (10, most + 1));
    for seq in [0, most - 1, most, most + 10] {
        let found = writer.reader().answers(SCOPE, hash(seq)).unwrap();
        let seqs: Vec<i64> = found.iter().map(|(key, _)| key.seq).collect();
        assert_eq!(seqs, [seq]);
    }
    let mut overlay = Overlay::default();
    for seq in [1, most + 10] {
        overlay.answers.remove(AnswerKey { ws: SCOPE.ws, seq });
    }
    overlay.keep();
    writer.begin().unwrap();
    writer.apply(&overlay).unwrap();
    assert_eq!((places(&file, 0), places(&file, 1)), (9, most));
    assert!(writer.reader().answers(SCOPE, hash(most + 10)).unwrap().is_empty());
}

#[test]
fn a_store_of_the_first_version_keeps_its_answers() {
    let (directory, _lock) = memory::directory().unwrap();
    let path = directory.join("store.db");
    let file = connect(&path, READER_CACHE_KIB, false, Access::Create).unwrap();
    file.execute_batch(MIGRATIONS[0]).unwrap();
    file.execute_batch(
        "INSERT INTO answers VALUES (1, 7, 0, 42, 'a key', x'00', '/', 'req_1', 200, 0, NULL, x'01');
         INSERT INTO answer_index VALUES (1, 0, 42, 7)",
    )
    .unwrap();
    file.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    drop(file);
    std::fs::write(key_path(&path), [1; 32]).unwrap();
    let (_, writer) = Database::open(path.to_str().unwrap()).unwrap();
    let found = writer.reader().answers(SCOPE, 42).unwrap();
    assert_eq!(found.iter().map(|(key, _)| key.seq).collect::<Vec<_>>(), [7]);
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn an_older_store_is_brought_up_to_date() {
    let (held, lock) = memory::directory().unwrap();
    let path = held.join("old.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(MIGRATIONS[0]).unwrap();
    old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let sealer = Sealer::open(&key_path(&path), true).unwrap();
    old.execute(sql::MARK, [sealer.mark()]).unwrap();
    let row = "INSERT INTO workspaces VALUES (7, zeroblob(32), 'acct_1', 0, NULL, ?1)";
    let state = serde_json::to_string(&crate::WorkspaceState::default()).unwrap();
    assert!(!state.contains("rows"), "a state says only what is so: {state}");
    old.execute(row, [state]).unwrap();
    drop(old);
    let data = path.to_str().unwrap();
    let refused = Database::open_to_read(data).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("older"), "{refused}");
    drop(Database::open(data).unwrap());
    let database = Database::open_to_read(data).unwrap();
    let found = database.read(|reader| reader.workspaces(0, 9)).unwrap().unwrap();
    assert_eq!((found.len(), found[0].number, found[0].state.rows_of(7)), (1, 7, 7));
    assert!(database.read(|reader| reader.copies(7)).unwrap().unwrap().is_empty());
    drop((database, lock));
    std::fs::remove_dir_all(held).unwrap();
}
