//! The balance of an account's payments: what can be paid out now, and what later. Money in
//! FinancialAccounts has balances of its own.

use std::sync::Arc;

use api::operation::{self, Path};
use api::params::{Currency, NoParams};
use api::resource::decode;
use api::{ApiError, Include, Json, Resource, Result, Tx, View, object};
use exchequer_core::account;
use ledger::Funds;
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use crate::book;
use crate::payout::automatic;

/// What an account holds in one currency. It is kept, and never shown by itself.
#[derive(Clone, Serialize, Deserialize)]
pub struct Holdings {
    id: String,
    created: Millis,
    pub currency: Currency,
    pub funds: Funds,
    /// When pending money is looked at next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_settlement: Option<Millis>,
    /// When it is paid out by itself next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_payout: Option<Millis>,
    /// The place of the latest such payout among the BalanceTransactions by availability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swept_to: Option<String>,
}

/// All of an account's holdings, the account's own currency first.
#[derive(Clone, Serialize, Deserialize)]
pub struct Balance {
    held: Vec<(Currency, Funds)>,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<Balance>()
        .events(&["balance.available"])
        .read("/v1/balance", "Retrieves the balance of the account.", retrieve)
        .keeps::<Holdings>()
        .job(book::SETTLE, book::settle)
        .job(account::DELETION, refuse_deletion)
        .job(account::PAYOUTS_SCHEDULED, automatic::reschedule)
        .job(automatic::PAY_OUT, automatic::pay_out)
        .done()
}

fn retrieve(view: &View<'_>, _: &Path, _: &NoParams) -> Result<Arc<Balance>> {
    Balance::of(view).map(Arc::new)
}

/// An account whose payments hold money, or owe some, is not deleted.
fn refuse_deletion(tx: &mut Tx<'_>, account: &str, _: &str) -> Result<()> {
    let holds = |(_, funds): &(Currency, Funds)| *funds != Funds::default();
    if Balance::of(tx)?.held.iter().any(holds) {
        let message = format!("The account {account} cannot be deleted: its balance is not zero.");
        return Err(ApiError::invalid(message).into());
    }
    Ok(())
}

impl Holdings {
    pub fn id_of(currency: Currency) -> String {
        format!("{}_{}", Self::PREFIX, currency.as_str())
    }

    /// What the acting account holds in a currency: nothing at first.
    pub fn load(view: &View<'_>, currency: Currency) -> Result<Holdings> {
        let id = Holdings::id_of(currency);
        if let Some(holdings) = view.load::<Holdings>(&id)? {
            return Ok(api::copy(&holdings));
        }
        let (created, funds) = (view.now_ms(), Funds::default());
        let (next_settlement, next_payout, swept_to) = (None, None, None);
        Ok(Holdings { id, created, currency, funds, next_settlement, next_payout, swept_to })
    }
}

impl Balance {
    /// All that the acting account holds.
    pub fn holdings(view: &View<'_>) -> Result<Vec<Arc<Holdings>>> {
        let all = IdRange::prefix(Holdings::PREFIX, false);
        let limit = api::currency::NAMES.len();
        Ok(view.session.objects(view.owner.number, &all, limit, decode::<Holdings>)?)
    }

    /// The balance of the acting account.
    pub fn of(view: &View<'_>) -> Result<Balance> {
        let own = account::current(view)?.default_currency;
        let mut held = vec![(own, Holdings::load(view, own)?.funds)];
        let others = Balance::holdings(view)?;
        let others = others.iter().filter(|holdings| holdings.currency != own);
        held.extend(others.map(|holdings| (holdings.currency, holdings.funds)));
        Ok(Balance { held })
    }

    fn render_part(&self, part: fn(&Funds) -> i64) -> Json {
        let entry = |(currency, funds): &(Currency, Funds)| {
            let amount = part(funds);
            object([
                ("amount", amount.into()),
                ("currency", (*currency).into()),
                ("source_types", object([("card", amount.into())])),
            ])
        };
        Json::Array(self.held.iter().map(entry).collect())
    }
}

impl Resource for Balance {
    const OBJECT: &'static str = "balance";
    /// There is one for each account, without an id.
    const PREFIX: &'static str = "";
    const LABEL: &'static str = "balance";

    fn id(&self) -> &str {
        ""
    }

    fn created(&self) -> Millis {
        0
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(object([
            ("object", Self::OBJECT.into()),
            ("available", self.render_part(|funds| funds.available)),
            ("livemode", view.livemode().into()),
            ("pending", self.render_part(|funds| funds.pending)),
        ]))
    }
}

impl Resource for Holdings {
    const OBJECT: &'static str = "balance";
    const PREFIX: &'static str = "bal";
    const LABEL: &'static str = "balance";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        Balance { held: vec![(self.currency, self.funds)] }.render(view, include)
    }
}
