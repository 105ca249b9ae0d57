//! The receipt of a flow: a page that needs no key, under an address that nobody can guess.
//!
//! The address holds a sealed token that says which object it is about, so that no table of
//! receipts is kept. It stops working after 60 days and with its object.

use api::app::Receipts;
use api::{Json, Resource, Result, View};
use store::Millis;
use store::seal::Sealer;

use crate::credit_reversal::CreditReversal;
use crate::debit_reversal::DebitReversal;
use crate::inbound_transfer::InboundTransfer;
use crate::outbound_payment::OutboundPayment;
use crate::outbound_transfer::OutboundTransfer;
use crate::received_credit::ReceivedCredit;
use crate::received_debit::ReceivedDebit;

/// How long a receipt can be read.
const KEPT_MS: Millis = 60 * 24 * 3_600_000;

/// Which object a receipt is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub ws: i64,
    pub acct: i64,
    pub id: String,
}

/// The value of `hosted_regulatory_receipt_url` of an object of the account acted as.
pub fn url(view: &View<'_>, id: &str) -> String {
    url_of(view, view.owner.number, id)
}

/// The same for an object of another account of the workspace.
pub fn url_of(view: &View<'_>, acct: i64, id: &str) -> String {
    let plain = format!("{}.{acct}.{id}", view.session.home);
    let token = base64url(&view.session.sealer.seal_stable(plain.as_bytes()));
    format!("{}/regulatory-receipt/{token}", view.app.config.public_url)
}

/// What a token of an address says; none where we did not make it.
pub fn open(sealer: &Sealer, token: &str) -> Option<Token> {
    let plain = sealer.unseal(&from_base64url(token)?).ok()?;
    let plain = String::from_utf8(plain).ok()?;
    let mut parts = plain.splitn(3, '.');
    let ws = parts.next()?.parse().ok()?;
    let acct = parts.next()?.parse().ok()?;
    Some(Token { ws, acct, id: parts.next()?.to_owned() })
}

/// How the server shows receipts. What cannot be read is shown as what is not there.
pub const RECEIPTS: Receipts = Receipts {
    workspace: |sealer, token| Some(open(sealer, token)?.ws),
    page: |view, token| page(view, &open(view.session.sealer, token)?).ok()?,
};

/// The page of an object of the view's workspace; none where it is gone or too old.
pub fn page(view: &View<'_>, token: &Token) -> Result<Option<String>> {
    if token.ws != view.session.home {
        return Ok(None);
    }
    for show in FLOWS {
        if let Some(page) = show(view, token)? {
            return Ok(Some(page));
        }
    }
    Ok(None)
}

/// The page of a kind of flow; none where the id is that of another.
type Show = fn(&View<'_>, &Token) -> Result<Option<String>>;

const FLOWS: &[Show] = &[
    |view, token| show::<CreditReversal>(view, token, "Credit reversal"),
    |view, token| show::<DebitReversal>(view, token, "Debit reversal"),
    |view, token| show::<InboundTransfer>(view, token, "Inbound transfer"),
    |view, token| show::<OutboundPayment>(view, token, "Outbound payment"),
    |view, token| show::<OutboundTransfer>(view, token, "Outbound transfer"),
    |view, token| show::<ReceivedCredit>(view, token, "Received credit"),
    |view, token| show::<ReceivedDebit>(view, token, "Received debit"),
];

fn show<T: Resource>(view: &View<'_>, token: &Token, flow: &str) -> Result<Option<String>> {
    let Some(object) = view.load_of::<T>(token.acct, &token.id)? else { return Ok(None) };
    if view.now_ms() - object.created() > KEPT_MS {
        return Ok(None);
    }
    let rendered = view.render(&*object)?;
    Ok(Some(html(flow, &rows(&rendered))))
}

/// What is told about a flow, from its public shape alone.
fn rows(flow: &Json) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut tell = |label, value: Option<String>| {
        if let Some(value) = value {
            rows.push((label, value));
        }
    };
    tell("Amount", amount(flow));
    tell("Status", text(flow, "status"));
    tell("Created", moment(flow, "created"));
    tell("Expected arrival", moment(flow, "expected_arrival_date"));
    if let Some(transitions) = flow.get("status_transitions") {
        tell("Posted", moment(transitions, "posted_at"));
        tell("Succeeded", moment(transitions, "succeeded_at"));
        tell("Completed", moment(transitions, "completed_at"));
        tell("Canceled", moment(transitions, "canceled_at"));
        tell("Failed", moment(transitions, "failed_at"));
        tell("Returned", moment(transitions, "returned_at"));
    }
    tell("Statement descriptor", text(flow, "statement_descriptor"));
    tell("Description", text(flow, "description"));
    // Whoever sends, or pulls.
    let initiator = flow.get("initiating_payment_method_details").and_then(party);
    let is_debit = text(flow, "object").as_deref() == Some(ReceivedDebit::OBJECT);
    tell(if is_debit { "To" } else { "From" }, initiator);
    tell("From", flow.get("origin_payment_method_details").and_then(party));
    tell("To", flow.get("destination_payment_method_details").and_then(party));
    tell("Reverses", text(flow, "received_credit").or_else(|| text(flow, "received_debit")));
    tell("Financial account", text(flow, "financial_account").map(|id| ending(&id)));
    tell("Reference", text(flow, "id"));
    rows
}

fn text(json: &Json, key: &str) -> Option<String> {
    json.get(key)?.as_str().map(str::to_owned)
}

fn moment(json: &Json, key: &str) -> Option<String> {
    let instant = jiff::Timestamp::from_second(json.get(key)?.as_int()?).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(instant).strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn amount(flow: &Json) -> Option<String> {
    let cents = flow.get("amount")?.as_int()?;
    let currency = flow.get("currency")?.as_str()?.to_uppercase();
    Some(format!("{}.{:02} {currency}", cents / 100, cents % 100))
}

/// A counterparty by name and the last digits of its account.
fn party(details: &Json) -> Option<String> {
    let name = details.get("billing_details").and_then(|billing| text(billing, "name"));
    let bank = details.get("us_bank_account");
    let account = match bank.and_then(|bank| text(bank, "last4")) {
        Some(last4) => Some(format!("account ending in {last4}")),
        None => details
            .get("financial_account")
            .and_then(|account| text(account, "id"))
            .map(|id| format!("financial account {}", ending(&id))),
    };
    match (name, account) {
        (Some(name), Some(account)) => Some(format!("{name}, {account}")),
        (name, account) => name.or(account),
    }
}

fn ending(id: &str) -> String {
    format!("ending in {}", last4(id))
}

/// The last four characters of an id or number.
pub fn last4(text: &str) -> &str {
    let at = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    text.get(at..).unwrap_or(text)
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:36rem;\
    padding:0 1rem;color:#1a1f36}h1{font-size:1.4rem}dl{display:grid;\
    grid-template-columns:max-content 1fr;gap:.4rem 1.5rem}dt{color:#697386}dd{margin:0;\
    overflow-wrap:anywhere}";

fn html(flow: &str, rows: &[(&'static str, String)]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{flow} receipt</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{flow} receipt</h1>\n<dl>\n"
    );
    for (label, value) in rows {
        page.push_str(&format!("<dt>{label}</dt><dd>{}</dd>\n", escaped(value)));
    }
    page.push_str("</dl>\n</body>\n</html>\n");
    page
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 for URLs, unpadded (RFC 4648, section 5).
fn base64url(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 2);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..=chunk.len() {
            let index = bits >> (18 - 6 * digit) & 63;
            out.push(char::from(DIGITS[index as usize]));
        }
    }
    out
}

fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for at in 0..4 {
            let digit = match chunk.get(at) {
                Some(letter) => DIGITS.iter().position(|digit| digit == letter)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        // One letter alone holds no byte.
        let count = chunk.len().checked_sub(1).filter(|count| *count > 0)?;
        out.extend_from_slice(bits.to_be_bytes().get(1..=count)?);
    }
    Some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use api::object;

    #[test]
    fn tokens_are_read_back_and_cannot_be_made_up() {
        let sealer = Sealer::random().unwrap();
        let token = base64url(&sealer.seal_stable(b"7.2.obp_1"));
        assert_eq!(open(&sealer, &token), Some(Token { ws: 7, acct: 2, id: "obp_1".into() }));
        assert_eq!(token, base64url(&sealer.seal_stable(b"7.2.obp_1")));
        let mut forged = token.clone().into_bytes();
        forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
        assert_eq!(open(&sealer, &String::from_utf8(forged).unwrap()), None);
        for bad in ["", "A", "é", "????", &token[..token.len() - 2]] {
            assert_eq!(open(&sealer, bad), None, "{bad}");
        }
        assert_eq!(open(&Sealer::random().unwrap(), &token), None);
    }

    #[test]
    fn base64_goes_both_ways() {
        for length in 0..70u8 {
            let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(37) ^ 0xa5).collect();
            assert_eq!(from_base64url(&base64url(&bytes)), Some(bytes));
        }
        assert_eq!(base64url(b"any+"), "YW55Kw");
    }

    #[test]
    fn a_page_tells_the_flow_and_runs_nothing() {
        let details = object([
            ("billing_details", object([("name", "<b>Ann & Co</b>".into())])),
            ("us_bank_account", object([("last4", "0009".into())])),
        ]);
        let flow = object([
            ("id", "obp_1".into()),
            ("amount", Json::Int(200_005)),
            ("created", Json::Int(1_680_716_009)),
            ("currency", "usd".into()),
            ("destination_payment_method_details", details),
            ("financial_account", "fa_123456".into()),
            ("statement_descriptor", "payment".into()),
            ("status", "posted".into()),
            ("status_transitions", object([("posted_at", Json::Int(1_680_716_010))])),
        ]);
        let page = html("Outbound payment", &rows(&flow));
        for part in [
            "2000.05 USD",
            "posted",
            "2023-04-05 17:33 UTC",
            "&lt;b&gt;Ann &amp; Co&lt;/b&gt;, account ending in 0009",
            "ending in 3456",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        assert!(!page.contains("<script") && !page.contains("<b>"));
    }

    #[test]
    fn the_last_four_are_characters() {
        assert_eq!(["123456", "12", "", "añéíóú"].map(last4), ["3456", "12", "", "éíóú"]);
    }
}
