//! Files as they are written, and returns as they are read.

use super::returns::{Return, Wrong, read};
use super::*;

fn file(batches: Vec<Batch>) -> File {
    let bank = |routing_number: &str, name: &str| Bank {
        routing_number: routing_number.into(),
        name: name.into(),
    };
    File {
        destination: bank("061000146", "Fedach"),
        origin: bank("110000000", "Stripe Test Bank"),
        created: ("230405".into(), "2030".into()),
        modifier: 'A',
        reference: String::new(),
        batches,
    }
}

fn batch(entries: Vec<Entry>) -> Batch {
    Batch {
        company_name: "Rocket Rides of Illinois".into(),
        company_id: "E000010002".into(),
        direction: Direction::Credit,
        class: Class::Ccd,
        description: "payment".into(),
        effective: "230406".into(),
        entries,
    }
}

fn entry(amount: i64, trace: i64) -> Entry {
    Entry {
        is_savings: false,
        routing_number: "110000000".into(),
        account_number: "000123456789".into(),
        amount,
        receiver_id: "obp_1".into(),
        receiver_name: "Zoë & Søn".into(),
        trace: format!("11000000{trace:07}"),
    }
}

#[test]
fn a_file_is_written_to_the_letter() {
    let savings = Entry { is_savings: true, ..entry(9_999_999_999, 2) };
    let text = file(vec![batch(vec![entry(2_000, 1), savings])]).text();
    let expected = [
        "101 061000146 1100000002304052030A094101FEDACH                 STRIPE TEST BANK               ",
        "5220ROCKET RIDES OF                     E000010002CCDPAYMENT         230406   1110000000000001",
        "622110000000000123456789     0000002000OBP_1          ZO  & S N               0110000000000001",
        "632110000000000123456789     9999999999OBP_1          ZO  & S N               0110000000000002",
        "82200000020022000000000000000000010000001999E000010002                         110000000000001",
        "9000001000001000000020022000000000000000000010000001999                                       ",
    ];
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..6], expected);
    assert!(text.ends_with('\n') && lines.iter().all(|line| line.len() == RECORD_CHARS));
    assert_eq!(lines[6..], vec!["9".repeat(94); 4]);
}

#[test]
fn debits_have_their_own_codes_and_sums() {
    let debits = Batch {
        direction: Direction::Debit,
        class: Class::Ppd,
        ..batch(vec![entry(700, 1), Entry { is_savings: true, ..entry(300, 2) }])
    };
    let text = file(vec![batch(vec![entry(2_000, 3)]), debits]).text();
    let lines: Vec<&str> = text.lines().collect();
    let begins = |at: usize, start: &str| assert!(lines[at].starts_with(start), "{}", lines[at]);
    begins(2, "622");
    begins(4, "5225");
    begins(5, "627");
    begins(6, "637");
    begins(7, "82250000020022000000000000001000000000000000");
    assert_eq!(text_of(lines[8], 31, 24), "000000001000000000002000");
}

#[test]
fn blocks_are_full_and_hashes_keep_ten_digits() {
    for count in [0, 1, 5, 6, 7, 200] {
        let entries =
            (0..count).map(|at| Entry { routing_number: "999999992".into(), ..entry(1, at) });
        let text = file(vec![batch(entries.collect())]).text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len() % BLOCK_RECORDS, 0, "{count}");
        let records = usize::try_from(count).unwrap() + 4;
        let control = lines[records - 1];
        let blocks: usize = text_of(control, 7, 6).parse().unwrap();
        assert_eq!(blocks, records.div_ceil(BLOCK_RECORDS));
        let hash: i64 = text_of(control, 21, 10).parse().unwrap();
        assert_eq!(hash, 99_999_999 * count % 10_000_000_000);
    }
}

/// A file of one return, as the other bank writes it; `edit` changes its records.
fn return_file(edit: impl FnOnce(&mut Vec<String>)) -> String {
    let credit = "21110000000";
    let mut records = vec![
        file(vec![]).header(),
        file(vec![]).batch_header(&batch(vec![]), 1),
        format!("6{credit}000123456789     0000002000OBP_1          ANN{}1061000140000007", " ".repeat(21)),
        format!("799R03110000000000001      11000000{}061000140000007", " ".repeat(44)),
        "82200000020011000000000000000000000000002000E000010002                         110000000000001".into(),
        "9000001000001000000020011000000000000000000000000002000                                       ".into(),
    ];
    edit(&mut records);
    while records.len() % BLOCK_RECORDS != 0 {
        records.push("9".repeat(RECORD_CHARS));
    }
    records.join("\r\n")
}

#[test]
fn a_return_names_its_original_and_its_reason() {
    let expected = Return {
        company_id: "E000010002".into(),
        amount: 2_000,
        code: "R03".into(),
        original_trace: "110000000000001".into(),
        trace: "061000140000007".into(),
    };
    assert_eq!(read(&return_file(|_| ())), Ok(vec![expected]));
    let change = return_file(|records| records[3].replace_range(1..6, "98C01"));
    assert_eq!(read(&change), Ok(vec![]));
}

#[test]
fn a_file_that_is_not_whole_is_not_read() {
    type Edit = fn(&mut Vec<String>);
    let table: [(Edit, Option<usize>); 13] = [
        (|records| records[2].truncate(93), Some(3)),
        (|records| records[2].replace_range(54..55, "é"), Some(3)),
        (|records| drop(records.remove(0)), Some(1)),
        (|records| drop(records.remove(3)), Some(4)),
        (|records| records[2].replace_range(29..39, "0000002001"), Some(5)),
        (|records| records[2].replace_range(29..39, " 000002000"), Some(3)),
        (|records| records[2].replace_range(3..4, "2"), Some(5)),
        (|records| records[2].replace_range(1..3, "25"), Some(3)),
        (|records| records[2].replace_range(78..79, "0"), Some(3)),
        (|records| records[3].replace_range(3..6, "R86"), Some(4)),
        (|records| records[3].replace_range(1..3, "05"), Some(4)),
        (|records| records[5].replace_range(1..7, "000002"), Some(6)),
        (|records| records.truncate(5), Some(6)),
    ];
    for (at, (edit, record)) in table.into_iter().enumerate() {
        let wrong = read(&return_file(edit)).unwrap_err();
        assert_eq!(wrong.record, record, "{at}: {wrong}");
    }
    let whole = return_file(|_| ());
    let cut: Vec<&str> = whole.lines().take(7).collect();
    assert_eq!(read(&cut.join("\n")).unwrap_err().record, None);
    assert_eq!(read("\n"), Err(Wrong { record: None, why: "the file is empty" }));
    assert!(read(&return_file(|records| records[3].replace_range(3..6, "R00"))).is_err());
}
