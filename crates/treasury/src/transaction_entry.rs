//! TransactionEntries: the journal, as the API shows it. Each is one posting; there is no second
//! row of it.

use std::sync::Arc;

use api::list::{Page, beyond, cursors, cut, turn, within};
use api::operation;
use api::params::{Choice, Currency, ListParams, NoParams, Params, Range};
use api::{
    ApiError, Expandable, Fault, Include, Json, Path, Resource, Result, View, object, seconds,
};
use ledger::{Account, Amount, Impact, Posting};
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis, PostingRow};

use crate::book::{ENTRY_PREFIX, EntryType, FlowType};
use crate::financial_account::FinancialAccount;
use crate::transaction::{self, Transaction};

pub const PATH: &str = "/v1/treasury/transaction_entries";

/// A posting, with what it has from its Transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransactionEntry {
    pub id: String,
    pub created: Millis,
    pub financial_account: String,
    pub transaction: String,
    #[serde(rename = "type")]
    pub kind: EntryType,
    pub impact: Impact,
    pub currency: Currency,
    pub flow: Option<String>,
    pub flow_type: FlowType,
}

impl TransactionEntry {
    /// The entry of that id, which belongs to this Transaction.
    pub fn of(view: &View<'_>, id: &str, transaction: &Transaction) -> Result<TransactionEntry> {
        let missing = || Fault(format!("the entry {id} of {} is not there", transaction.id));
        let row = view.session.posting(view.owner.number, id)?.ok_or_else(missing)?;
        TransactionEntry::from_row(id, &row, transaction)
    }

    fn from_row(id: &str, row: &PostingRow, transaction: &Transaction) -> Result<Self> {
        let broken = || Fault(format!("the entry {id} cannot be understood"));
        let account = |name: &str| Account::parse(name).ok_or_else(broken);
        let amount = Amount::new(row.amount).ok_or_else(broken)?;
        Ok(TransactionEntry {
            id: id.to_owned(),
            created: row.created,
            financial_account: row.book.clone(),
            transaction: row.transaction.clone(),
            kind: EntryType::parse(&row.kind).ok_or_else(broken)?,
            impact: Posting::new(account(&row.from)?, account(&row.to)?, amount).impact(),
            currency: Currency::parse(&row.currency).ok_or_else(broken)?,
            flow: transaction.flow.clone(),
            flow_type: transaction.flow_type,
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum OrderBy {
    #[default]
    Created,
    EffectiveAt,
}

#[derive(Clone, Debug, Params)]
pub struct ListEntries {
    /// When the entry was made. Only with `order_by=created`.
    pub created: Option<Range>,
    /// When the entry took effect. Only with `order_by=effective_at`.
    pub effective_at: Option<Range>,
    /// The FinancialAccount whose entries to list.
    pub financial_account: String,
    /// Newest first by `created`, which is the default, or by `effective_at`.
    pub order_by: Option<OrderBy>,
    /// Only the entries of this Transaction.
    pub transaction: Option<String>,
    #[param(flatten)]
    pub page: ListParams,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<TransactionEntry>()
        .read(
            "/v1/treasury/transaction_entries/{id}",
            "Retrieves a TransactionEntry.",
            |view, path, _: &NoParams| Ok(Arc::new(find(view, path.id())?)),
        )
        .list(PATH, "Lists the entries of a FinancialAccount or of one Transaction.", list)
        .done()
}

fn find(view: &View<'_>, id: &str) -> Result<TransactionEntry> {
    let row = view.session.posting(view.owner.number, id)?;
    let missing = || ApiError::not_found(TransactionEntry::LABEL, id, TransactionEntry::PARAM);
    let row = row.ok_or_else(missing)?;
    with_transaction(view, id, &row)
}

fn with_transaction(view: &View<'_>, id: &str, row: &PostingRow) -> Result<TransactionEntry> {
    let missing = || Fault(format!("the Transaction {} of {id} is not there", row.transaction));
    let transaction = view.load::<Transaction>(&row.transaction)?.ok_or_else(missing)?;
    TransactionEntry::from_row(id, row, &transaction)
}

/// Both times of an entry are the same in test mode, and so are both orders.
fn list(view: &View<'_>, _: &Path, p: &ListEntries) -> Result<Page<TransactionEntry>> {
    check_combination(p)?;
    view.require::<FinancialAccount>(&p.financial_account, "financial_account")?;
    let transaction = match &p.transaction {
        Some(id) => Some(view.reference::<Transaction>(id, "transaction")?),
        None => None,
    };
    for (param, cursor) in cursors(&p.page) {
        if view.session.posting(view.owner.number, cursor)?.is_none() {
            let error = ApiError::missing_reference(TransactionEntry::LABEL, cursor, param);
            return Err(error.into());
        }
    }
    p.page.check_cursors()?;
    let times = p.created.or(p.effective_at).unwrap_or_default();
    let range = IdRange::prefix(ENTRY_PREFIX, true);
    let Some(range) = within(view, ENTRY_PREFIX, range, &times) else {
        return Ok(Page::empty());
    };
    let range = turn(range, &p.page, str::to_owned);
    let wanted = p.page.limit + 1;
    let items = match transaction {
        Some(transaction) => entries_of(view, p, &transaction, &range, &times)?,
        None => entries_of_account(view, p, &range, wanted, &times)?,
    };
    Ok(cut(items, &range, p.page.limit))
}

/// The filter of a time goes with the order by that time.
fn check_combination(p: &ListEntries) -> Result<(), ApiError> {
    let order_by = p.order_by.unwrap_or_default();
    let refusal = |filter: &str| {
        let message = format!("The filter {filter} can only be used with order_by={filter}.");
        Err(ApiError::invalid(message).on(filter))
    };
    if p.created.is_some() && order_by != OrderBy::Created {
        return refusal("created");
    }
    if p.effective_at.is_some() && order_by != OrderBy::EffectiveAt {
        return refusal("effective_at");
    }
    Ok(())
}

fn entries_of(
    view: &View<'_>,
    p: &ListEntries,
    transaction: &Transaction,
    range: &IdRange,
    times: &Range,
) -> Result<Vec<Arc<TransactionEntry>>> {
    let mut items = Vec::new();
    if transaction.financial_account != p.financial_account {
        return Ok(items);
    }
    for id in transaction.entries.iter().filter(|id| range.contains(id)) {
        let entry = TransactionEntry::of(view, id, transaction)?;
        if times.contains(seconds(entry.created)) {
            items.push(Arc::new(entry));
        }
    }
    if range.descending {
        items.reverse();
    }
    Ok(items)
}

fn entries_of_account(
    view: &View<'_>,
    p: &ListEntries,
    range: &IdRange,
    wanted: usize,
    times: &Range,
) -> Result<Vec<Arc<TransactionEntry>>> {
    let scope = view.session.scope(view.owner.number);
    let mut items = Vec::new();
    let mut rest = range.clone();
    while items.len() < wanted {
        let ask = wanted - items.len();
        let rows = view.session.reader.postings(scope, &p.financial_account, &rest, ask)?;
        let complete = rows.len() < ask;
        for (id, row) in rows {
            rest = beyond(rest, &id);
            if times.contains(seconds(row.created)) {
                items.push(Arc::new(with_transaction(view, &id, &row)?));
            }
        }
        if complete {
            break;
        }
    }
    Ok(items)
}

impl Resource for TransactionEntry {
    const OBJECT: &'static str = "treasury.transaction_entry";
    const PREFIX: &'static str = ENTRY_PREFIX;
    const LABEL: &'static str = "transaction entry";
    const EXPANDS: &'static [Expandable] = &[
        Expandable::included("flow_details"),
        Expandable::reference::<Transaction>("transaction"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        let mut json = object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("balance_impact", transaction::impact(&self.impact)),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("effective_at", seconds(self.created).into()),
            ("financial_account", Json::from(&self.financial_account)),
            ("flow", Json::from(&self.flow)),
            ("flow_type", self.flow_type.into()),
            ("livemode", view.livemode().into()),
            ("transaction", Json::from(&self.transaction)),
            ("type", self.kind.into()),
        ]);
        if include.has("flow_details") {
            let flow = self.flow.as_deref();
            json.set("flow_details", transaction::flow_details(view, self.flow_type, flow)?);
        }
        Ok(json)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_filtered_in_its_own_order() {
        let given = |created: bool, effective_at: bool, order_by| ListEntries {
            created: created.then(Range::default),
            effective_at: effective_at.then(Range::default),
            financial_account: "fa_1".into(),
            order_by,
            transaction: None,
            page: ListParams::default(),
        };
        let (created, effective) = (Some(OrderBy::Created), Some(OrderBy::EffectiveAt));
        let table = [
            (given(true, false, None), None),
            (given(true, false, created), None),
            (given(true, false, effective), Some("created")),
            (given(false, true, None), Some("effective_at")),
            (given(false, true, created), Some("effective_at")),
            (given(false, true, effective), None),
            (given(false, false, effective), None),
            (given(true, true, effective), Some("created")),
        ];
        for (params, refused) in table {
            let found = check_combination(&params).err();
            let found = found.map(|error| (error.status, error.param.unwrap()));
            let wanted = refused.map(|param| (400, param.to_owned()));
            assert_eq!(found, wanted, "{params:?}");
        }
    }

    #[test]
    fn a_row_is_read_as_its_posting() {
        let transaction = Transaction {
            id: "trxn_1".into(),
            created: 5_000,
            financial_account: "fa_1".into(),
            amount: -700,
            currency: Currency::USD,
            description: String::new(),
            flow: Some("obp_1".into()),
            flow_type: FlowType::OutboundPayment,
            status: transaction::Status::Open,
            entries: vec!["trxne_1".into()],
        };
        let row = PostingRow {
            book: "fa_1".into(),
            transaction: "trxn_1".into(),
            kind: "outbound_payment".into(),
            from: "cash".into(),
            to: "outbound_pending".into(),
            amount: 700,
            currency: "usd".into(),
            created: 5_000,
        };
        let entry = TransactionEntry::from_row("trxne_1", &row, &transaction).unwrap();
        let held = Impact { cash: -700, inbound_pending: 0, outbound_pending: 700 };
        assert_eq!((entry.kind, entry.impact), (EntryType::OutboundPayment, held));
        assert_eq!(entry.flow.as_deref(), Some("obp_1"));
        for broken in [
            PostingRow { kind: "gift".into(), ..row.clone() },
            PostingRow { from: "purse".into(), ..row.clone() },
            PostingRow { to: "purse".into(), ..row.clone() },
            PostingRow { amount: 0, ..row.clone() },
            PostingRow { currency: "gold".into(), ..row.clone() },
        ] {
            assert!(TransactionEntry::from_row("trxne_1", &broken, &transaction).is_err());
        }
    }
}
