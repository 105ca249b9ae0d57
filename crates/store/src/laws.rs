//! What keeps the store shardable by workspace, checked on every statement of both engines.
//!
//! Every key begins with `ws` and every statement names one workspace, so that the rows of a
//! workspace can lie together on one machine of several. What may look further is named here, with
//! the reason. Sequences, advisory locks, triggers and stored procedures would each be one thing
//! that all workspaces share.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use crate::statements::TableSql;
use crate::tables::TABLES;
use crate::{postgres, sqlite};

/// Tables with rows of workspaces.
const OF_WORKSPACES: [&str; 11] = [
    "objects",
    "object_index",
    "postings",
    "events",
    "jobs",
    "answers",
    "answer_index",
    "deliveries",
    "workspaces",
    "batches",
    "copies",
];

/// Statements that name no workspace, and why they may.
const LOOK_FURTHER: [(&str, &str, &str); 5] = [
    ("postgres", "DUE", "finds what is due in any workspace; it locks nothing"),
    ("postgres", "WORKSPACES", "walks along the key, a page at a time, to copy the store"),
    ("sqlite", "WORKSPACES", "the same; and a file is looked through once, when it is opened"),
    ("sqlite", "WORKSPACE", "a file numbers its workspaces in turn and finds them by their tail"),
    ("sqlite", "LAST_WORKSPACE", "the next number of a file, asked once when it is opened"),
];

/// Indexes that do not begin with `ws`, and why they may. None of them is written by a payment
/// more than once, and none of them makes anything unique over shards.
const OTHER_INDEXES: [(&str, &str); 3] = [
    ("workspaces_wake", "for DUE alone: each shard keeps the part of its own workspaces"),
    ("workspaces_deliver", "for DUE alone"),
    ("sqlite_autoindex_workspaces_1", "a file's workspaces by their tail: a file is one shard"),
];

/// Texts that begin like a statement but stand where they are used.
const ELSEWHERE: [&str; 9] = [
    // What frames a transaction names no table.
    "BEGIN",
    "BEGIN IMMEDIATE",
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "COMMIT",
    "ROLLBACK",
    // `verify` copies a database as a whole into a file of its own.
    "INSERT INTO {table} ({list}) VALUES ({marks})",
    "DECLARE rows NO SCROLL CURSOR FOR SELECT {list} FROM {table}",
    "FETCH {ROWS_AT_ONCE} FROM rows",
    "SELECT name FROM pragma_table_info(?1)",
];

const FORBIDDEN: [&str; 20] = [
    "nextval",
    "setval",
    "serial",
    "bigserial",
    "sequence",
    "identity",
    "autoincrement",
    "pg_advisory_lock",
    "pg_advisory_xact_lock",
    "pg_try_advisory_lock",
    "pg_try_advisory_xact_lock",
    "function",
    "procedure",
    "trigger",
    "call",
    "listen",
    "notify",
    "lock",
    "references",
    "foreign",
];

struct Engine {
    name: &'static str,
    listed: &'static [(&'static str, &'static [&'static str])],
    tables: &'static [TableSql; 8],
    /// The schema, comments and all.
    schema: String,
}

fn engines() -> [Engine; 2] {
    [
        Engine {
            name: "sqlite",
            listed: sqlite::statements::ALL,
            tables: &sqlite::statements::TABLES,
            schema: sqlite::MIGRATIONS.join("\n"),
        },
        Engine {
            name: "postgres",
            listed: postgres::statements::ALL,
            tables: &postgres::statements::TABLES,
            schema: format!("{}\n{}", postgres::MIGRATIONS.join("\n"), postgres::STORE),
        },
    ]
}

impl Engine {
    /// Every statement, by its name.
    fn statements(&self) -> Vec<(String, &'static str)> {
        let listed = self.listed.iter();
        let listed =
            listed.flat_map(|(name, all)| all.iter().map(|sql| ((*name).to_owned(), *sql)));
        let of_tables = self.tables.iter().zip(&TABLES).flat_map(|(table, of)| {
            let all = [table.page, table.put, table.remove];
            let names = ["page", "put", "remove"];
            names.into_iter().zip(all).map(|(name, sql)| (format!("{} {name}", of.name), sql))
        });
        listed.chain(of_tables).collect()
    }
}

/// Words and signs, in small letters. Parameters keep their sign, names their dot.
fn words(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or(""));
    let text = lines.collect::<Vec<_>>().join(" ").to_lowercase();
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "_.?$:".contains(c) {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !c.is_whitespace() {
            words.push(c.to_string());
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// What a statement breaks, if anything.
fn broken(sql: &str) -> Option<String> {
    let words = words(sql);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let inserts = word(0) == "insert";
    let mut conditions: BTreeMap<String, usize> = BTreeMap::new();
    for at in 0..words.len() {
        let is_column = word(at) == "ws" || word(at).ends_with(".ws");
        if is_column && word(at + 1) == "=" && word(at + 2) != "any" {
            *conditions.entry(word(at).to_owned()).or_default() += 1;
        }
    }
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for at in 0..words.len() {
        if !OF_WORKSPACES.contains(&word(at)) {
            continue;
        }
        if word(at.wrapping_sub(1)) == "into" {
            if word(at + 1) != "(" || word(at + 2) != "ws" {
                return Some("it does not begin its columns with ws".into());
            }
            continue;
        }
        let next = if word(at + 1) == "as" { word(at + 2) } else { word(at + 1) };
        let is_alias = next.len() == 1 && next.chars().all(|c| c.is_ascii_alphabetic());
        let column = if is_alias { format!("{next}.ws") } else { "ws".to_owned() };
        *named.entry(column).or_default() += 1;
    }
    if inserts && named.is_empty() {
        return None;
    }
    let lacks = named
        .into_iter()
        .find(|(column, count)| conditions.get(column).copied().unwrap_or(0) < *count);
    lacks.map(|(column, _)| format!("it does not say what {column} must be"))
}

#[test]
fn every_statement_names_its_workspace() {
    for engine in engines() {
        for (name, sql) in engine.statements() {
            let may = LOOK_FURTHER.iter().any(|(of, may, _)| *of == engine.name && *may == name);
            let broken = broken(sql);
            assert_eq!(broken.is_some(), may, "{} {name}: {broken:?}\n{sql}", engine.name);
        }
    }
}

#[test]
fn a_statement_that_looks_further_is_found() {
    for wrong in [
        "SELECT * FROM objects WHERE id = $1",
        "DELETE FROM events",
        "UPDATE workspaces SET state = $1 WHERE ws = ANY($2)",
        "INSERT INTO jobs (due, ws) VALUES ($1, $2)",
        "INSERT INTO jobs SELECT * FROM jobs",
        "SELECT 1 FROM objects o JOIN events e ON e.id = o.id WHERE o.ws = $1",
        "DELETE FROM jobs WHERE ws = $1 AND seq IN (SELECT seq FROM jobs LIMIT 5)",
    ] {
        assert!(broken(wrong).is_some(), "{wrong}");
    }
    assert_eq!(
        broken("SELECT 1 FROM objects o JOIN events e ON e.ws = o.ws WHERE o.ws = $1"),
        None
    );
    assert_eq!(broken("SELECT mark FROM seal"), None);
}

#[test]
fn nothing_is_used_that_all_workspaces_share() {
    for engine in engines() {
        let schema = ("schema".to_owned(), engine.schema.as_str());
        for (name, sql) in engine.statements().into_iter().chain([schema]) {
            let found = words(sql).into_iter().find(|word| FORBIDDEN.contains(&word.as_str()));
            assert_eq!(found, None, "{} {name}", engine.name);
        }
    }
}

/// What stands in the engine's folder, but for the list itself and tests.
fn sources(engine: &str) -> Vec<(String, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(engine)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !["statements.rs", "tests.rs"].contains(&&*name) {
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// A text of the sources that begins like a statement must be in the list.
#[test]
fn no_statement_stands_outside_of_the_list() {
    const BEGINNINGS: [&str; 18] = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "TRUNCATE", "CREATE", "ALTER",
        "DROP", "LOCK", "CALL", "DO", "DECLARE", "FETCH", "COPY", "LISTEN", "BEGIN",
    ];
    for engine in engines() {
        let sources = sources(engine.name);
        assert!(sources.len() >= 6, "where are the sources of {}?", engine.name);
        for (file, source) in sources {
            let source = source.split("#[cfg(test)]").next().unwrap_or(&source);
            // Every second piece lies between quotation marks.
            for text in source.split('"').skip(1).step_by(2) {
                let first = text.trim_start().split([' ', '\n', ';']).next().unwrap_or("");
                let is_statement = BEGINNINGS.contains(&first);
                assert!(!is_statement || ELSEWHERE.contains(&text), "{file}: {text}");
            }
        }
    }
}

#[test]
fn every_key_and_index_of_a_file_begins_with_ws() {
    let (database, writer) = sqlite::Database::open(":memory:").unwrap();
    let file = database.raw().unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let indexes = "SELECT name, (SELECT name FROM pragma_index_info(list.name) WHERE seqno = 0) \
                   FROM pragma_index_list(?1) AS list";
    let first = "SELECT name FROM pragma_table_info(?1) WHERE pk = 1";
    for table in texts(&file, tables, []) {
        if table == "seal" {
            // One row about the whole file.
            continue;
        }
        assert!(OF_WORKSPACES.contains(&table.as_str()), "{table} is not known");
        assert_eq!(texts(&file, first, [&table]), ["ws"], "the key of {table}");
        let mut statement = file.prepare(indexes).unwrap();
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        for found in statement.query_map([&table], read).unwrap() {
            let (index, column) = found.unwrap();
            let may = OTHER_INDEXES.iter().any(|(may, _)| *may == index);
            assert_eq!(column == "ws", !may, "{index} on {table} begins with {column}");
        }
    }
    drop(writer);
}

fn texts<P: rusqlite::Params>(file: &Connection, sql: &str, values: P) -> Vec<String> {
    let mut statement = file.prepare(sql).unwrap();
    let found = statement.query_map(values, |row| row.get(0)).unwrap();
    found.collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn every_key_and_index_of_a_database_begins_with_ws() {
    let [_, engine] = engines();
    let words = words(&engine.schema);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut counts = (0, 0);
    for at in 0..words.len() {
        if word(at) == "table" && word(at.wrapping_sub(1)) == "create" {
            let name = if word(at + 1) == "if" { word(at + 4) } else { word(at + 1) };
            let is_known = OF_WORKSPACES.contains(&name) || name == "exchequer_store";
            assert!(is_known, "{name} is not known");
            counts.0 += 1;
        }
        if word(at) == "unique" {
            panic!("{:?} may begin with anything", &words[at..]);
        }
        if word(at) == "primary" {
            // Behind the column, or before all of them.
            let alone = word(at - 2) == "ws" && word(at + 2) != "(";
            assert!(alone || word(at + 3) == "ws", "{:?}", &words[at..at + 6]);
            counts.1 += 1;
        }
        if word(at) == "index" {
            let may = OTHER_INDEXES.iter().any(|(may, _)| *may == word(at + 1));
            assert_eq!(word(at + 5) == "ws", !may, "{}", word(at + 1));
        }
    }
    assert_eq!(counts.0, counts.1, "a table without a key");
}

/// The engine's own word: every listed statement walks along a key or index that `ws` begins.
#[test]
fn every_statement_of_a_file_walks_along_a_key() {
    let (database, writer) = sqlite::Database::open(":memory:").unwrap();
    let file = database.raw().unwrap();
    let [engine, _] = engines();
    for (name, sql) in engine.statements() {
        if LOOK_FURTHER.iter().any(|(of, may, _)| *of == "sqlite" && *may == name) {
            continue;
        }
        let mut statement = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let marks = statement.parameter_count();
        let nulls = vec![rusqlite::types::Value::Null; marks];
        let values = rusqlite::params_from_iter(nulls);
        let steps = statement.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        for step in steps.map(Result::unwrap) {
            let (does, rest) = step.split_once(' ').unwrap_or((&step, ""));
            let table = rest.split(' ').next().unwrap_or("");
            let is_ours = OF_WORKSPACES.contains(&table) || table.len() == 1;
            if !is_ours || !["SEARCH", "SCAN"].contains(&does) {
                continue;
            }
            assert!(step.contains("(ws=?"), "{name}: {step}");
        }
    }
    drop(writer);
}

/// What is copied is all there is.
#[test]
fn the_tables_are_as_they_are_described() {
    let (database, writer) = sqlite::Database::open(":memory:").unwrap();
    let file = database.raw().unwrap();
    let columns = "SELECT name FROM pragma_table_info(?1)";
    let keys = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
    for table in &TABLES {
        let described = table.columns.iter().map(|(name, _)| (*name).to_owned());
        let described: Vec<String> = ["ws".to_owned()].into_iter().chain(described).collect();
        assert_eq!(texts(&file, columns, [table.name]), described, "{}", table.name);
        assert_eq!(texts(&file, keys, [table.name]), described[..=table.key], "{}", table.name);
    }
    for engine in engines() {
        for (sql, table) in engine.tables.iter().zip(&TABLES) {
            let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            let (columns, key) = (names.join(", "), names[..table.key].join(", "));
            let name = table.name;
            assert!(sql.page.starts_with(&format!("SELECT {columns} FROM {name} WHERE ws = ")));
            assert!(sql.page.contains(&format!(" ORDER BY {key} LIMIT ")), "{}", sql.page);
            assert!(sql.put.starts_with(&format!("INSERT INTO {name} (ws, {columns}) ")));
            assert!(sql.remove.starts_with(&format!("DELETE FROM {name} WHERE ws = ")));
        }
    }
    drop(writer);
}
