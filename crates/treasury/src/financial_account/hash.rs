//! The features of a FinancialAccount as an object of their own, which has no id.

use std::sync::Arc;

use api::operation;
use api::params::NoParams;
use api::{Include, Json, Path, Resource, Result, Tx, View};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::features::{self, FeatureToggles};
use crate::financial_account::{FinancialAccount, announce, plan_activation, request};

/// Never kept: it is a look at the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FinancialAccountFeatures {
    account: FinancialAccount,
}

const PATH: &str = "/v1/treasury/financial_accounts/{id}/features";

pub fn resource() -> operation::Resource {
    operation::Resource::of::<FinancialAccountFeatures>()
        .read(PATH, "Retrieves the features of a FinancialAccount.", |view, path, _: &NoParams| {
            let account = view.find::<FinancialAccount>(path.id())?;
            Ok(Arc::new(FinancialAccountFeatures { account: api::copy(&account) }))
        })
        .action(PATH, "Switches features of a FinancialAccount on or off.", update)
        .done()
}

fn update(
    tx: &mut Tx<'_>,
    path: &Path,
    p: &FeatureToggles,
) -> Result<Arc<FinancialAccountFeatures>> {
    let before = tx.find::<FinancialAccount>(path.id())?;
    if before.is_closed {
        return Err(before.closed_error().into());
    }
    let mut account = api::copy(&before);
    request(tx, &mut account, &p.changes(), "")?;
    let account = tx.save(account)?;
    announce(tx, &before, &account)?;
    plan_activation(tx, &account)?;
    Ok(Arc::new(FinancialAccountFeatures { account: api::copy(&account) }))
}

impl Resource for FinancialAccountFeatures {
    const OBJECT: &'static str = "treasury.financial_account_features";
    const PREFIX: &'static str = FinancialAccount::PREFIX;
    const LABEL: &'static str = FinancialAccount::LABEL;

    fn id(&self) -> &str {
        &self.account.id
    }

    fn created(&self) -> Millis {
        self.account.created
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(features::hash(&self.account))
    }
}
