//! BalanceTransactions: every change of a payments balance, as one line.
//!
//! ```text
//!   ─┬─▶ available
//!    └─▶ pending ── its day comes ──▶ available
//! ```

use api::list::{Page, Query, beyond, cut, id_of_sort_key, list, turn};
use api::operation;
use api::params::{Choice, Currency, ListParams, Params, Range};
use api::resource::{Expandable, ExpandableKind, ObjectDef, sort_prefix};
use api::{Include, Index, Json, Path, Resource, Result, View, object, seconds};
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use crate::charge::Charge;
use crate::payout::Payout;
use crate::refund::Refund;
use crate::topup::Topup;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BalanceTransaction {
    pub id: String,
    pub created: Millis,
    #[serde(rename = "type")]
    pub kind: Type,
    pub source: String,
    pub currency: Currency,
    pub amount: i64,
    #[serde(default, skip_serializing_if = "is_none")]
    pub fee: i64,
    pub available_on: Millis,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_pending: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its postings, in order.
    pub entries: Vec<String>,
}

fn is_none(amount: &i64) -> bool {
    *amount == 0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Type {
    Charge,
    Payout,
    PayoutCancel,
    PayoutFailure,
    Refund,
    RefundFailure,
    Topup,
}

#[derive(Params)]
struct ListBalanceTransactions {
    #[param(flatten)]
    page: ListParams,
    /// Only those created then.
    created: Option<Range>,
    /// Only those in this currency.
    currency: Option<Currency>,
    /// Only those of this payout.
    payout: Option<String>,
    /// Only those that this object caused.
    source: Option<String>,
    /// Only those of this type.
    r#type: Option<String>,
}

/// The index of all in a currency, by when they are available.
const AVAILABLE_ON: &str = "available_on";

pub fn resource() -> operation::Resource {
    const ONE: &str = "Retrieves a BalanceTransaction.";
    const ALL: &str = "Lists BalanceTransactions, newest first.";
    operation::Resource::of::<BalanceTransaction>()
        .retrieve("/v1/balance_transactions/{id}", ONE)
        .list("/v1/balance_transactions", ALL, list_all)
        .retrieve("/v1/balance/history/{id}", ONE)
        .list("/v1/balance/history", ALL, list_all)
        .done()
}

fn list_all(
    view: &View<'_>,
    _: &Path,
    params: &ListBalanceTransactions,
) -> Result<Page<BalanceTransaction>> {
    if let Some(payout) = &params.payout {
        let payout = view.reference::<Payout>(payout, "payout")?;
        return of_payout(view, &payout, params);
    }
    let query = Query::new(&params.page)
        .filter_some("currency", params.currency.map(Currency::as_str))
        .filter_some("source", params.source.as_ref())
        .filter_some("type", params.r#type.as_ref());
    list(view, &query.created(params.created.as_ref()))
}

/// A payout that was made by itself gathers what became available since the one before it. Any
/// other has but its own.
fn of_payout(
    view: &View<'_>,
    payout: &Payout,
    params: &ListBalanceTransactions,
) -> Result<Page<BalanceTransaction>> {
    let key = |id: &str| -> Result<String> {
        let transaction = view.reference::<BalanceTransaction>(id, "starting_after")?;
        Ok(transaction.place())
    };
    let page = &params.page;
    page.check_cursors()?;
    let own = key(&payout.balance_transaction)?;
    let range = IdRange::newest_first().below(format!("{own}\0"));
    let range = match &payout.swept {
        Some(swept) => range.above(swept.after.as_deref().unwrap_or_default()),
        None => range.at_least(own),
    };
    let (after, before) = (page.starting_after.as_deref(), page.ending_before.as_deref());
    let cursor = after.or(before).map(key).transpose()?;
    let range = turn(range, page, |_| cursor.clone().unwrap_or_default());
    let wanted = page.limit + 1;
    let (mut items, mut rest) = (Vec::new(), range.clone());
    let (account, currency) = (view.owner.number, payout.currency.as_str());
    loop {
        let keys = view.session.index(account, AVAILABLE_ON, currency, &rest, wanted)?;
        let is_last = keys.len() < wanted;
        if let Some(last) = keys.last() {
            rest = beyond(rest, last);
        }
        for key in &keys {
            let Some(found) = view.load::<BalanceTransaction>(id_of_sort_key(key))? else {
                continue;
            };
            if params.wants(&found) {
                items.push(found);
            }
        }
        if is_last || items.len() >= wanted {
            items.truncate(wanted);
            return Ok(cut(items, &range, page.limit));
        }
    }
}

impl ListBalanceTransactions {
    /// Whether one fits what else is asked for.
    fn wants(&self, found: &BalanceTransaction) -> bool {
        let created = self.created.as_ref();
        created.is_none_or(|created| created.contains(seconds(found.created)))
            && self.currency.is_none_or(|currency| currency == found.currency)
            && self.source.as_ref().is_none_or(|source| *source == found.source)
            && self.r#type.as_ref().is_none_or(|kind| kind == found.kind.as_str())
    }
}

impl BalanceTransaction {
    /// Its place among those of its currency, by when they are available.
    pub fn place(&self) -> String {
        format!("{}{}", sort_prefix(self.available_on), self.id)
    }

    /// What it does to the balance.
    pub fn net(&self) -> i64 {
        self.amount.saturating_sub(self.fee)
    }
}

impl Type {
    fn reporting_category(self) -> &'static str {
        match self {
            Type::Charge => "charge",
            Type::Payout => "payout",
            Type::PayoutCancel | Type::PayoutFailure => "payout_reversal",
            Type::Refund => "refund",
            Type::RefundFailure => "refund_failure",
            Type::Topup => "topup",
        }
    }
}

/// What `source` can be expanded to: whatever its id says that it is.
fn source() -> ObjectDef {
    ObjectDef {
        load: |view, id, include| {
            let kinds = [
                ObjectDef::of::<Charge>(),
                ObjectDef::of::<Payout>(),
                ObjectDef::of::<Refund>(),
                ObjectDef::of::<Topup>(),
            ];
            let prefix = id.split('_').next().unwrap_or_default();
            match kinds.iter().find(|kind| kind.prefix == prefix) {
                Some(kind) => (kind.load)(view, id, include),
                None => Ok(None),
            }
        },
        ..ObjectDef::of::<Charge>()
    }
}

impl Resource for BalanceTransaction {
    const OBJECT: &'static str = "balance_transaction";
    const PREFIX: &'static str = "txn";
    const LABEL: &'static str = "balance transaction";
    const EXPANDS: &'static [Expandable] =
        &[Expandable { path: "source", kind: ExpandableKind::Reference(source) }];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("source", &self.source);
        entries.add("type", self.kind.as_str());
        entries.add("currency", self.currency.as_str());
        entries.add_sorted(AVAILABLE_ON, self.currency.as_str(), self.available_on);
        if self.is_pending {
            entries.add_sorted("pending", self.currency.as_str(), self.available_on);
        }
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let fee = (self.fee > 0).then(|| {
            object([
                ("amount", self.fee.into()),
                ("application", Json::Null),
                ("currency", self.currency.into()),
                ("description", "Stripe processing fees".into()),
                ("type", "stripe_fee".into()),
            ])
        });
        let status = if self.is_pending { "pending" } else { "available" };
        Ok(object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.into()),
            ("available_on", seconds(self.available_on).into()),
            ("balance_type", "payments".into()),
            ("created", seconds(self.created).into()),
            ("currency", self.currency.into()),
            ("description", (&self.description).into()),
            ("exchange_rate", Json::Null),
            ("fee", self.fee.into()),
            ("fee_details", Json::Array(fee.into_iter().collect())),
            ("net", self.net().into()),
            ("reporting_category", self.kind.reporting_category().into()),
            ("source", (&self.source).into()),
            ("status", status.into()),
            ("type", self.kind.into()),
        ]))
    }
}
