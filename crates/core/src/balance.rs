//! The balance of an account's payments. Money in FinancialAccounts has balances of its own.

use std::sync::Arc;

use api::operation::{self, Path};
use api::params::NoParams;
use api::{Include, Json, Resource, Result, View, object};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::account;

#[derive(Clone, Serialize, Deserialize)]
pub struct Balance {
    currency: String,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<Balance>()
        .read("/v1/balance", "Retrieves the balance of the account.", retrieve)
        .done()
}

/// Nothing is charged or paid out yet, so the account's own currency stands at zero.
fn retrieve(view: &View<'_>, _: &Path, _: &NoParams) -> Result<Arc<Balance>> {
    let currency = account::current(view)?.default_currency.to_string();
    Ok(Arc::new(Balance { currency }))
}

impl Balance {
    fn nothing(&self) -> Json {
        let sources = object([("card", 0i64.into())]);
        Json::Array(vec![object([
            ("amount", 0i64.into()),
            ("currency", (&self.currency).into()),
            ("source_types", sources),
        ])])
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
            ("available", self.nothing()),
            ("livemode", view.livemode().into()),
            ("pending", self.nothing()),
        ]))
    }
}
