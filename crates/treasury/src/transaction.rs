//! Transactions: what a flow does to the balance of its FinancialAccount.
//!
//! ```text
//!   open ─┬─ the held money leaves ───▶ posted
//!         └─ it is given back ────────▶ void
//! ```
//! Money that is not held first makes a Transaction that is posted from the start.

use api::list::{Page, Query, cursors, cut, id_of_sort_key, turn};
use api::operation;
use api::params::{Choice, Currency, ListParams, Params, Range};
use api::resource::{decode, sort_prefix};
use api::{
    ApiError, Expandable, Include, Index, Json, Path, Resource, Result, View, object, seconds,
    seconds_or_null,
};
use ledger::Impact;
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use crate::book::FlowType;
use crate::credit_reversal::CreditReversal;
use crate::debit_reversal::DebitReversal;
use crate::financial_account::FinancialAccount;
use crate::inbound_transfer::InboundTransfer;
use crate::outbound_payment::OutboundPayment;
use crate::outbound_transfer::OutboundTransfer;
use crate::receipt;
use crate::received_credit::ReceivedCredit;
use crate::received_debit::ReceivedDebit;
use crate::transaction_entry::{self, TransactionEntry};

/// Each end knows when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    Posted(Millis),
    Void(Millis),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transaction {
    pub id: String,
    pub created: Millis,
    pub financial_account: String,
    /// While it is open: what the current balance will change by. Void: nothing.
    pub amount: i64,
    pub currency: Currency,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    pub flow_type: FlowType,
    pub status: Status,
    /// The ids of its entries, oldest first: two at most.
    pub entries: Vec<String>,
}

impl Transaction {
    /// The sum of its entries.
    pub fn impact(&self) -> Impact {
        let held = if self.status == Status::Open { -self.amount } else { 0 };
        Impact { cash: self.amount, inbound_pending: 0, outbound_pending: held }
    }
}

impl Status {
    pub fn name(self) -> StatusName {
        match self {
            Status::Open => StatusName::Open,
            Status::Posted(_) => StatusName::Posted,
            Status::Void(_) => StatusName::Void,
        }
    }

    pub fn posted_at(self) -> Option<Millis> {
        match self {
            Status::Posted(at) => Some(at),
            Status::Open | Status::Void(_) => None,
        }
    }

    pub fn void_at(self) -> Option<Millis> {
        match self {
            Status::Void(at) => Some(at),
            Status::Open | Status::Posted(_) => None,
        }
    }
}

/// The description of a Transaction: who is on the other side, which flow, and its words.
pub fn describe(name: Option<&str>, last4: Option<&str>, flow: &str, words: &str) -> String {
    let counterparty = match (name, last4) {
        (Some(name), Some(last4)) => format!("{name} ({last4}) | "),
        (Some(name), None) => format!("{name} | "),
        (None, Some(last4)) => format!("({last4}) | "),
        (None, None) => String::new(),
    };
    format!("{counterparty}{flow} | {words}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum StatusName {
    Open,
    Posted,
    Void,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum OrderBy {
    #[default]
    Created,
    PostedAt,
}

#[derive(Clone, Debug, Default, Params)]
pub struct StatusTransitionsFilter {
    /// When the Transaction was posted. Needs `status=posted` and `order_by=posted_at`.
    pub posted_at: Option<Range>,
}

#[derive(Clone, Debug, Params)]
pub struct ListTransactions {
    /// When the Transaction was created. Only with `order_by=created`.
    pub created: Option<Range>,
    /// The FinancialAccount whose Transactions to list.
    pub financial_account: String,
    /// Newest first by `created`, which is the default, or by `posted_at`, which needs
    /// `status=posted`.
    pub order_by: Option<OrderBy>,
    /// Only Transactions of this status.
    pub status: Option<StatusName>,
    /// Only Transactions that reached a status in this time.
    pub status_transitions: Option<StatusTransitionsFilter>,
    #[param(flatten)]
    pub page: ListParams,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<Transaction>()
        .retrieve("/v1/treasury/transactions/{id}", "Retrieves a Transaction.")
        .list("/v1/treasury/transactions", "Lists the Transactions of a FinancialAccount.", list)
        .done()
}

fn list(view: &View<'_>, _: &Path, p: &ListTransactions) -> Result<Page<Transaction>> {
    let posted_at = p.status_transitions.as_ref().and_then(|filter| filter.posted_at);
    check_combination(p, posted_at.is_some())?;
    view.require::<FinancialAccount>(&p.financial_account, "financial_account")?;
    if p.order_by == Some(OrderBy::PostedAt) {
        return list_by_posted_at(view, &p.financial_account, posted_at, &p.page);
    }
    let statuses = match &p.status {
        Some(status) => std::slice::from_ref(status),
        None => &[StatusName::Open, StatusName::Posted, StatusName::Void][..],
    };
    let values = statuses.iter().map(|status| status_key(&p.financial_account, *status));
    let query = Query::new(&p.page).any("status", values.collect()).created(p.created.as_ref());
    api::list(view, &query)
}

/// Which parameters go together.
fn check_combination(p: &ListTransactions, has_posted_at: bool) -> Result<(), ApiError> {
    let by_posted_at = p.order_by == Some(OrderBy::PostedAt);
    let is_posted = p.status == Some(StatusName::Posted);
    if by_posted_at && !is_posted {
        let message = "Transactions can be ordered by posted_at only with status=posted.";
        return Err(ApiError::invalid(message).on("order_by"));
    }
    if has_posted_at && !(is_posted && by_posted_at) {
        let message = "The filter status_transitions[posted_at] needs status=posted and \
                       order_by=posted_at.";
        return Err(ApiError::invalid(message).on("status_transitions[posted_at]"));
    }
    if p.created.is_some() && by_posted_at {
        let message = "The filter created can only be used with order_by=created.";
        return Err(ApiError::invalid(message).on("created"));
    }
    Ok(())
}

fn list_by_posted_at(
    view: &View<'_>,
    account: &str,
    posted_at: Option<Range>,
    page: &ListParams,
) -> Result<Page<Transaction>> {
    let mut cursor_key = String::new();
    for (param, cursor) in cursors(page) {
        let transaction = view.reference::<Transaction>(cursor, param)?;
        // One that is not posted has no place in this list.
        let missing = || ApiError::missing_reference(Transaction::LABEL, cursor, param);
        let at = transaction.status.posted_at().ok_or_else(missing)?;
        cursor_key = sort_prefix(at) + cursor;
    }
    page.check_cursors()?;
    let mut range = IdRange::newest_first();
    let (min, max) = posted_at.unwrap_or_default().bounds();
    if let Some(min) = min {
        range = range.at_least(sort_prefix(min.saturating_mul(1000)));
    }
    if let Some(max) = max {
        if max < 0 {
            return Ok(Page::empty());
        }
        range = range.below(sort_prefix(max.saturating_add(1).saturating_mul(1000)));
    }
    let range = turn(range, page, |_| cursor_key.clone());
    let owner = view.owner.number;
    let keys = view.session.index(owner, "posted_at", account, &range, page.limit + 1)?;
    let ids = keys.iter().map(|key| id_of_sort_key(key).to_owned()).collect();
    let items = view.session.by_ids(owner, ids, decode::<Transaction>)?;
    Ok(cut(items, &range, page.limit))
}

/// The value of the index by FinancialAccount and status.
fn status_key(account: &str, status: StatusName) -> String {
    format!("{account}:{}", status.as_str())
}

impl Resource for Transaction {
    const OBJECT: &'static str = "treasury.transaction";
    const PREFIX: &'static str = "trxn";
    const LABEL: &'static str = "transaction";
    const STATE_ONLY: bool = true;
    const EXPANDS: &'static [Expandable] =
        &[Expandable::included_on_retrieve("entries"), Expandable::included("flow_details")];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("status", status_key(&self.financial_account, self.status.name()));
        if let Some(posted_at) = self.status.posted_at() {
            entries.add_sorted("posted_at", self.financial_account.clone(), posted_at);
        }
    }

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        let mut json = object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.into()),
            ("balance_impact", impact(&self.impact())),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("description", Json::from(&self.description)),
            ("financial_account", Json::from(&self.financial_account)),
            ("flow", Json::from(&self.flow)),
            ("flow_type", self.flow_type.into()),
            ("livemode", view.livemode().into()),
            ("status", self.status.name().into()),
            (
                "status_transitions",
                object([
                    ("posted_at", seconds_or_null(self.status.posted_at())),
                    ("void_at", seconds_or_null(self.status.void_at())),
                ]),
            ),
        ]);
        if include.has("entries") {
            json.set("entries", self.entry_list(view)?);
        }
        if include.has("flow_details") {
            json.set("flow_details", flow_details(view, self.flow_type, self.flow.as_deref())?);
        }
        Ok(json)
    }
}

impl Transaction {
    /// All of its entries, newest first.
    fn entry_list(&self, view: &View<'_>) -> Result<Json> {
        let mut data = Vec::with_capacity(self.entries.len());
        for id in self.entries.iter().rev() {
            let entry = TransactionEntry::of(view, id, self)?;
            data.push(view.render(&entry)?);
        }
        let url = format!(
            "{}?financial_account={}&transaction={}",
            transaction_entry::PATH,
            self.financial_account,
            self.id
        );
        Ok(operation::list_object(data, false, url))
    }
}

/// A change of the three sub-balances.
pub fn impact(impact: &Impact) -> Json {
    object([
        ("cash", impact.cash.into()),
        ("inbound_pending", impact.inbound_pending.into()),
        ("outbound_pending", impact.outbound_pending.into()),
    ])
}

/// The flow behind a Transaction under the name of its type; null where there is none.
pub fn flow_details(view: &View<'_>, kind: FlowType, id: Option<&str>) -> Result<Json> {
    match id {
        Some(id) => flow_details_of(view, view.owner.number, kind, id),
        None => Ok(Json::Null),
    }
}

/// The same for a flow of another account of the platform.
pub fn flow_details_of(view: &View<'_>, acct: i64, kind: FlowType, id: &str) -> Result<Json> {
    let flow = match kind {
        FlowType::CreditReversal => flow::<CreditReversal>(view, acct, id)?,
        FlowType::DebitReversal => flow::<DebitReversal>(view, acct, id)?,
        FlowType::InboundTransfer => flow::<InboundTransfer>(view, acct, id)?,
        FlowType::ReceivedCredit => flow::<ReceivedCredit>(view, acct, id)?,
        FlowType::ReceivedDebit => flow::<ReceivedDebit>(view, acct, id)?,
        FlowType::OutboundPayment => flow::<OutboundPayment>(view, acct, id)?,
        FlowType::OutboundTransfer => flow::<OutboundTransfer>(view, acct, id)?,
        // Flows that are not served.
        FlowType::IssuingAuthorization | FlowType::Other => None,
    };
    Ok(flow.map_or(Json::Null, |flow| object([("type", kind.into()), (kind.as_str(), flow)])))
}

fn flow<T: Resource>(view: &View<'_>, acct: i64, id: &str) -> Result<Option<Json>> {
    let Some(flow) = view.load_of::<T>(acct, id)? else { return Ok(None) };
    let mut json = view.render(&*flow)?;
    // The one member that tells whose object it is.
    json.set("hosted_regulatory_receipt_url", receipt::url_of(view, acct, id).into());
    Ok(Some(json))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn filters(order_by: Option<OrderBy>, status: Option<StatusName>) -> ListTransactions {
        ListTransactions {
            created: None,
            financial_account: "fa_1".into(),
            order_by,
            status,
            status_transitions: None,
            page: ListParams::default(),
        }
    }

    #[test]
    fn filters_that_go_together() {
        let (created, posted_at) = (Some(OrderBy::Created), Some(OrderBy::PostedAt));
        let statuses = [None, Some(StatusName::Open), Some(StatusName::Void)];
        for status in statuses {
            for order_by in [None, created] {
                assert_eq!(check_combination(&filters(order_by, status), false), Ok(()));
                let refused = check_combination(&filters(order_by, status), true).unwrap_err();
                assert_eq!(refused.param.as_deref(), Some("status_transitions[posted_at]"));
            }
            let refused = check_combination(&filters(posted_at, status), false).unwrap_err();
            assert_eq!((refused.status, refused.param.as_deref()), (400, Some("order_by")));
        }
        let posted = Some(StatusName::Posted);
        assert_eq!(check_combination(&filters(created, posted), false), Ok(()));
        assert_eq!(check_combination(&filters(posted_at, posted), false), Ok(()));
        assert_eq!(check_combination(&filters(posted_at, posted), true), Ok(()));
        assert!(check_combination(&filters(None, posted), true).is_err());
        let dated = |order_by, status| ListTransactions {
            created: Some(Range { exact: Some(1), ..Range::default() }),
            ..filters(order_by, status)
        };
        assert_eq!(check_combination(&dated(None, posted), false), Ok(()));
        let refused = check_combination(&dated(posted_at, posted), false).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("created"));
    }

    #[test]
    fn descriptions_leave_out_what_is_not_known() {
        let table = [
            (Some("Ann"), Some("6789"), "Ann (6789) | Received credit | rent"),
            (Some("Ann"), None, "Ann | Received credit | rent"),
            (None, Some("6789"), "(6789) | Received credit | rent"),
            (None, None, "Received credit | rent"),
        ];
        for (name, last4, description) in table {
            assert_eq!(describe(name, last4, "Received credit", "rent"), description);
        }
    }

    #[test]
    fn the_impact_follows_the_status() {
        let table = [
            (Status::Open, -700, (-700, 700)),
            (Status::Posted(1), -700, (-700, 0)),
            (Status::Posted(1), 700, (700, 0)),
            (Status::Void(1), 0, (0, 0)),
        ];
        for (status, amount, (cash, outbound_pending)) in table {
            let transaction = Transaction {
                id: "trxn_1".into(),
                created: 0,
                financial_account: "fa_1".into(),
                amount,
                currency: Currency::USD,
                description: String::new(),
                flow: None,
                flow_type: FlowType::Other,
                status,
                entries: vec![],
            };
            let impact = Impact { cash, inbound_pending: 0, outbound_pending };
            assert_eq!(transaction.impact(), impact, "{status:?}");
        }
    }
}
