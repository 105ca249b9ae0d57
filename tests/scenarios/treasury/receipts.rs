//! The receipt that the law wants: a page for people, without a key, for sixty days.

use exchequer_tests::{Answer, Sandbox};

use super::{Given, ROUTING, WAITS};

/// Opens the page as a browser would, which has no key.
#[track_caller]
fn open(given: &Given, url: &str) -> Answer {
    let (_, opaque) = url.split_once("/regulatory-receipt/").expect("a receipt's address");
    assert!(opaque.len() >= 16, "nobody should guess {opaque}");
    stranger(given).get(&format!("/regulatory-receipt/{opaque}"))
}

fn stranger(given: &Given) -> Sandbox {
    given.platform.without_header("Authorization")
}

fn text(page: &Answer) -> String {
    String::from_utf8_lossy(&page.bytes).to_lowercase()
}

#[test]
fn a_receipt_shows_amount_and_status() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_345).to_bank(ROUTING, WAITS);
    let page = open(&given, payment.created.text("hosted_regulatory_receipt_url"));
    page.expect_status(200);
    let kind = page.header("Content-Type").expect("a type");
    assert!(kind.starts_with("text/html"), "{kind}");
    assert!(text(&page).contains("23.45") && text(&page).contains("processing"), "{page:?}");
    assert!(!text(&page).contains(WAITS), "the account number is nobody's business\n{page:?}");
    let posted = payment.test_helper("post", &[]);
    let page = open(&given, posted.text("hosted_regulatory_receipt_url"));
    assert!(text(&page).contains("posted"), "{page:?}");
}

#[test]
fn a_receipt_of_money_that_came_in() {
    let given = Given::new();
    let credit = given.a.receives(12_345, "ach");
    let page = open(&given, credit.ok().text("hosted_regulatory_receipt_url"));
    page.expect_status(200);
    assert!(text(&page).contains("123.45") && text(&page).contains("succeeded"), "{page:?}");
}

#[test]
fn a_receipt_of_money_that_was_pulled() {
    let given = Given::with(12_345);
    let debit = given.a.is_debited(12_345);
    let page = open(&given, debit.ok().text("hosted_regulatory_receipt_url"));
    page.expect_status(200);
    assert!(text(&page).contains("received debit") && text(&page).contains("123.45"), "{page:?}");
}

#[test]
fn a_receipt_of_money_from_ones_own_bank() {
    let given = Given::new();
    let transfer = given.a.transfers_in(12_345, "pm_usBankAccount_processing");
    let page = open(&given, transfer.ok().text("hosted_regulatory_receipt_url"));
    page.expect_status(200);
    for part in ["inbound transfer", "123.45", "processing", "jane austen, account ending in 6789"]
    {
        assert!(text(&page).contains(part), "{part}: {page:?}");
    }
}

#[test]
fn receipts_of_reversals() {
    let given = Given::with(12_345);
    let debit = given.a.is_debited(12_345);
    let taken = given.a.takes_back(&debit.id());
    let sent = given.a.sends_back(&given.a.receives(12_345, "ach").id());
    given.settle();
    for (reversal, words) in
        [(&taken, ["debit reversal", "succeeded"]), (&sent, ["credit reversal", "posted"])]
    {
        let page = open(&given, reversal.ok().text("hosted_regulatory_receipt_url"));
        page.expect_status(200);
        for part in [words[0], words[1], "123.45"] {
            assert!(text(&page).contains(part), "{part}: {page:?}");
        }
    }
}

#[test]
fn a_receipt_is_kept_for_sixty_days() {
    let given = Given::with(10_000);
    let payment = given.a.pays(2_345).to_bank(ROUTING, WAITS);
    let url = payment.created.text("hosted_regulatory_receipt_url").to_owned();
    given.platform.advance("59d");
    open(&given, &url).expect_status(200);
    given.platform.advance("2d");
    open(&given, &url).expect_status(404);
}

#[test]
fn a_receipt_that_never_was() {
    let given = Given::new();
    stranger(&given).get("/regulatory-receipt/0123456789abcdef0123456789").expect_status(404);
}

#[test]
fn what_is_written_on_a_receipt_is_text() {
    let given = Given::with(10_000);
    let name = "destination_payment_method_data[billing_details][name]";
    let draft = given.a.pays(100).bank(ROUTING, WAITS).with(name, "<script>alert(1)</script>");
    let url = draft.create().created.text("hosted_regulatory_receipt_url").to_owned();
    let page = open(&given, &url);
    page.expect_status(200);
    assert!(!text(&page).contains("<script"), "{page:?}");
}
