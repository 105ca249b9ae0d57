//! Accounts: the platform, and those that are connected to it.
//!
//! All of them are kept in the platform's scope. A connected account has a number, by which its own
//! objects are kept. The platform's account is rendered from defaults until it is first updated.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query};
use api::operation::{self, Path};
use api::params::{Choice, Currency, NoParams};
use api::resource::ObjectDef;
use api::{ApiError, Include, Index, Json, Owner, Resource, Result, Tx, View};
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis, id};

use crate::bank_account;
use crate::billing::Address;
use crate::capability::{Capability, Requested, Requests};

use details::{
    BusinessProfile, BusinessType, Company, Groups, Individual, TosAcceptance, merged,
    without_nulls,
};
use kind::{Controller, Type};
use params::{AccountParams, CreateAccount, IndividualParams, ListAccounts, RejectAccount};
use requirements::Number;
use settings::Settings;

pub use crate::capability::CapabilityStatus;
pub use requirements::Requirements;
pub use settings::Schedule;

pub mod deleted;
pub mod details;
mod kind;
mod params;
mod render;
mod requirements;
mod settings;

#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    id: String,
    created: Millis,
    /// By which its objects are kept; 0 for the platform.
    pub number: i64,
    pub kind: Type,
    pub controller: Controller,
    pub country: String,
    pub default_currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, serialize_with = "without_nulls")]
    pub business_profile: BusinessProfile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_type: Option<BusinessType>,
    #[serde(default)]
    pub capabilities: BTreeMap<String, Requested>,
    #[serde(default, serialize_with = "without_nulls")]
    pub company: Company,
    #[serde(default, serialize_with = "without_nulls")]
    pub individual: Individual,
    /// The id of the person behind the business, once something is known of him or her.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    individual_metadata: BTreeMap<String, String>,
    /// Numbers are checked and not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tax_id: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_number: Option<Number>,
    #[serde(default)]
    vat_id_provided: bool,
    #[serde(default)]
    id_number_secondary_provided: bool,
    #[serde(default)]
    ssn_last_4_provided: bool,
    #[serde(default, serialize_with = "without_nulls")]
    groups: Groups,
    #[serde(default, serialize_with = "without_nulls")]
    pub settings: Settings,
    #[serde(default, serialize_with = "without_nulls")]
    tos_acceptance: TosAcceptance,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    pub requirements: Requirements,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejection>,
}

/// That the platform rejected the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    reason: RejectReason,
    pauses_payouts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum RejectReason {
    Credit,
    Fraud,
    FraudNoIntentToFulfill,
    FraudOther,
    FraudPaymentMethodCasher,
    FraudPaymentMethodTester,
    Other,
    TermsOfService,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum PayoutsAction {
    None,
    Pause,
}

/// What products do when an account's capabilities have changed.
pub const CAPABILITIES_CHANGED: &str = "capabilities.changed";

/// What products do when it was said anew when payouts are made by themselves.
pub const PAYOUTS_SCHEDULED: &str = "payouts.scheduled";

/// What products do before an account is deleted; their refusal is the answer.
pub const DELETION: &str = "account.deletion";

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/accounts";
    const ONE: &str = "/v1/accounts/{account}";
    operation::Resource::of::<Account>()
        .events(&["account.updated"])
        .read("/v1/account", "Retrieves the account that the key belongs to.", current_account)
        .create(ALL, "Creates a connected account.", create)
        .read(ONE, "Retrieves an account.", retrieve)
        .action(ONE, "Updates an account.", update)
        .list(ALL, "Lists the connected accounts, newest first.", list)
        .delete(ONE, "Deletes a connected account.", delete)
        .action("/v1/accounts/{account}/reject", "Rejects a connected account.", reject)
        .keeps::<deleted::Deleted>()
        .done()
}

fn current_account(view: &View<'_>, _: &Path, _: &NoParams) -> Result<Arc<Account>> {
    current(view)
}

fn create(tx: &mut Tx<'_>, params: &CreateAccount) -> Result<Arc<Account>> {
    if !tx.is_platform() {
        let message = "Only Stripe Connect platforms can work with other accounts.";
        let error = ApiError::invalid(message).code("platform_account_required");
        return Err(error.status(403).into());
    }
    let (kind, controller) = kind::of(params.r#type, params.controller.as_ref())?;
    let country = kind::country(params.country.as_deref())?;
    tx.session.state.accounts += 1;
    let number = tx.session.state.accounts;
    let default_currency = kind::currency_of(&country);
    let blank = Account::blank(new_id(tx), tx.now_ms());
    let mut account = Account { number, kind, controller, default_currency, country, ..blank };
    account.update(tx, &params.account)?;
    account.settle(tx.session.state.settings.real_onboarding);
    let account = tx.save(account)?;
    account.add_external(tx, &params.account)?;
    Ok(account)
}

/// Shorter than other ids: the second, then the ten characters that the account's objects share.
fn new_id(tx: &mut Tx<'_>) -> String {
    const RANDOM: u64 = 62u64.pow(7);
    let now = tx.now_ms();
    let (second, counter) = tx.session.state.next_id(now);
    let own = counter.unsigned_abs() * RANDOM + id::random_u64() % RANDOM;
    id::account_id((second - id::EPOCH_SECOND).unsigned_abs(), own)
}

fn retrieve(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<Account>> {
    find(view, path.id())
}

fn update(tx: &mut Tx<'_>, path: &Path, params: &AccountParams) -> Result<Arc<Account>> {
    let before = find(tx, path.id())?;
    let mut after = api::copy(&before);
    after.update(tx, params)?;
    let kept = keep(tx, before, after)?;
    kept.add_external(tx, params)?;
    Ok(kept)
}

fn list(view: &View<'_>, _: &Path, params: &ListAccounts) -> Result<Page<Account>> {
    if !view.is_platform() {
        return Ok(Page::empty());
    }
    let query = Query::new(&params.page).filter("connected", "true");
    api::list(view, &query.created(params.created.as_ref()))
}

fn delete(tx: &mut Tx<'_>, path: &Path) -> Result<()> {
    let account = find(tx, path.id())?;
    if account.number == 0 {
        return Err(ApiError::invalid("You cannot delete your own account through the API.").into());
    }
    let owner = Owner { number: account.number, id: account.id.clone() };
    tx.on(owner, |tx| prepare_deletion(tx, &account.id))?;
    let platform = tx.platform();
    tx.on(platform, |tx| {
        deleted::remember(tx, &account)?;
        tx.remove(&*account)
    })
}

/// Asks every product, as the account; a refusal of one keeps the account.
fn prepare_deletion(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    let app = tx.app;
    let jobs = app.api.resources.iter().flat_map(|resource| resource.jobs.iter());
    for (_, job) in jobs.filter(|(kind, _)| *kind == DELETION) {
        job(tx, id, "")?;
    }
    Ok(())
}

fn reject(tx: &mut Tx<'_>, path: &Path, params: &RejectAccount) -> Result<Arc<Account>> {
    let before = find(tx, path.id())?;
    if before.number == 0 {
        return Err(ApiError::invalid("You cannot reject your own account.").into());
    }
    let mut after = api::copy(&before);
    let pauses_payouts = params.payouts_action != Some(PayoutsAction::None);
    after.rejected = Some(Rejection { reason: params.reason, pauses_payouts });
    keep(tx, before, after)
}

/// The account that is acting.
pub fn current(view: &View<'_>) -> Result<Arc<Account>> {
    match view.load_of::<Account>(0, &view.owner.id)? {
        Some(account) => Ok(account),
        None if view.is_platform() => Ok(Arc::new(Account::platform(view))),
        None => Err(no_access(view, &view.owner.id).into()),
    }
}

/// The account of an id, if the one that is acting can see it.
pub fn find(view: &View<'_>, id: &str) -> Result<Arc<Account>> {
    if id == view.owner.id {
        return current(view);
    }
    let found = if view.is_platform() { view.load_of::<Account>(0, id)? } else { None };
    Ok(found.ok_or_else(|| no_access(view, id))?)
}

fn no_access(view: &View<'_>, id: &str) -> ApiError {
    let key = view.request.as_ref().map_or("", |request| request.masked_key.as_str());
    let message = format!(
        "The provided key '{key}' does not have access to account '{id}' (or that account does \
         not exist). Application access may have been revoked."
    );
    ApiError::invalid(message).code("account_invalid").status(403)
}

/// The id of a connected account by its number; none once it is deleted.
pub fn account_by_number(view: &View<'_>, number: i64) -> Result<Option<String>> {
    let all = IdRange::prefix(Account::PREFIX, false);
    let found = view.session.index(0, "number", &number.to_string(), &all, 1)?;
    Ok(found.into_iter().next())
}

/// The number of a connected account by its id; none once it is deleted.
pub fn account_by_id(view: &View<'_>, id: &str) -> Result<Option<i64>> {
    let account = view.load_of::<Account>(0, id)?;
    Ok(account.map(|account| account.number))
}

/// Whose an object of that id is: each id carries a part of its account's.
pub fn owner_of(view: &View<'_>, object: &str) -> Result<Option<Owner>> {
    let Some(part) = id::owner_part(object) else { return Ok(None) };
    for known in [view.owner.clone(), view.platform()] {
        if id::account_part(&known.id) == part {
            return Ok(Some(known));
        }
    }
    let all = IdRange::prefix(Account::PREFIX, false);
    let Some(id) = view.session.index(0, "part", part, &all, 1)?.into_iter().next() else {
        // What came from another sandbox names that one's platform.
        let is_forked = view.session.state.forked_until != 0;
        return Ok(is_forked.then(|| view.platform()));
    };
    Ok(account_by_id(view, &id)?.map(|number| Owner { number, id }))
}

/// How references to accounts are followed: whoever is acting, accounts are the platform's.
pub fn definition() -> ObjectDef {
    ObjectDef {
        load: |view, id, include| match find(view, id) {
            Ok(account) => account.render(view, include).map(Some),
            Err(_) => Ok(None),
        },
        ..ObjectDef::of::<Account>()
    }
}

/// Keeps a changed account and tells whom it concerns: the account itself, and the products.
pub fn keep(tx: &mut Tx<'_>, before: Arc<Account>, mut after: Account) -> Result<Arc<Account>> {
    let is_real = tx.session.state.settings.real_onboarding;
    after.settle(is_real);
    let old = tx.render(&*before)?;
    let is_changed = tx.render(&after)? != old;
    let platform = tx.platform();
    let after = tx.on(platform, |tx| tx.save(after))?;
    let owner = Owner { number: after.number, id: after.id.clone() };
    tx.on(owner, |tx| {
        if is_changed {
            tx.event_changed("account.updated", &old, &*after)?;
        }
        if before.settings.payout_schedule() != after.settings.payout_schedule() {
            tx.plan(tx.now_ms(), PAYOUTS_SCHEDULED, &after.id, "")?;
        }
        tell_capabilities(tx, &before, &after)
    })?;
    Ok(after)
}

fn tell_capabilities(tx: &mut Tx<'_>, before: &Account, after: &Account) -> Result<()> {
    let mut is_changed = false;
    let names = before.capabilities.keys().chain(after.capabilities.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    for name in names {
        if before.capability(name) == after.capability(name) {
            continue;
        }
        is_changed = true;
        let old = tx.render(&Capability::of(before, name))?;
        tx.event_changed("capability.updated", &old, &Capability::of(after, name))?;
    }
    if is_changed {
        let now = tx.now_ms();
        tx.plan(now, CAPABILITIES_CHANGED, &after.id, "")?;
    }
    Ok(())
}

impl Account {
    /// The platform's own account as it is before anybody updated it: it can do everything.
    fn platform(view: &View<'_>) -> Account {
        let mut account = Account::blank(view.platform().id, id::EPOCH_SECOND * 1000);
        let active = Requested { at: account.created, status: CapabilityStatus::Active };
        let mut names =
            vec!["card_issuing", "card_payments", "transfers", "us_bank_account_ach_payments"];
        if view.session.state.settings.treasury {
            names.push("treasury");
        }
        account.capabilities = names.into_iter().map(|name| (name.to_owned(), active)).collect();
        account
    }

    /// An account that has told nothing and asked for nothing.
    fn blank(id: String, created: Millis) -> Account {
        Account {
            id,
            created,
            number: 0,
            kind: Type::Standard,
            controller: Controller::of_itself(),
            country: "US".to_owned(),
            default_currency: Currency::USD,
            email: None,
            business_profile: BusinessProfile::default(),
            business_type: None,
            capabilities: BTreeMap::new(),
            company: Company::default(),
            individual: Individual::default(),
            person: None,
            individual_metadata: BTreeMap::new(),
            tax_id: None,
            id_number: None,
            vat_id_provided: false,
            id_number_secondary_provided: false,
            ssn_last_4_provided: false,
            groups: Groups::default(),
            settings: Settings::default(),
            tos_acceptance: TosAcceptance::default(),
            metadata: BTreeMap::new(),
            requirements: Requirements::default(),
            rejected: None,
        }
    }

    /// What became of a capability; none where it was not asked for.
    pub fn capability(&self, name: &str) -> Option<CapabilityStatus> {
        self.capabilities.get(name).map(|requested| requested.status)
    }

    /// The name in law, as far as it is known.
    pub fn legal_name(&self) -> Option<String> {
        let person = [&self.individual.first_name, &self.individual.last_name];
        let person: Vec<&str> = person.into_iter().flatten().map(String::as_str).collect();
        let person = (!person.is_empty()).then(|| person.join(" "));
        self.company.name.clone().or(person).or_else(|| self.business_profile.name.clone())
    }

    /// The address of the company, or of the person where there is none.
    pub fn legal_address(&self) -> Option<Address> {
        let address = self.company.address.as_ref().or(self.individual.address.as_ref());
        address.map(Address::from)
    }

    fn update(&mut self, tx: &mut Tx<'_>, params: &AccountParams) -> Result<()> {
        if let Some(change) = &params.business_profile {
            self.business_profile = merged(&self.business_profile, change)?;
        }
        self.business_type = params.business_type.or(self.business_type);
        if let Some(company) = &params.company {
            self.company = merged(&self.company, &company.company)?;
            self.tax_id = company.tax_id.as_deref().map(Number::of).or(self.tax_id);
            self.vat_id_provided |= company.vat_id.is_some();
        }
        self.default_currency = params.default_currency.unwrap_or(self.default_currency);
        if let Some(email) = &params.email {
            self.email = Some(email.0.clone());
        }
        if let Some(change) = &params.groups {
            self.groups = merged(&self.groups, change)?;
        }
        if let Some(individual) = &params.individual {
            self.update_individual(tx, individual)?;
        }
        params.metadata.apply(&mut self.metadata)?;
        if let Some(change) = &params.settings {
            self.settings = merged(&self.settings, change)?;
        }
        if let Some(change) = &params.tos_acceptance {
            self.tos_acceptance = merged(&self.tos_acceptance, change)?;
        }
        if let Some(requests) = &params.capabilities {
            self.request(requests, tx.now_ms(), "capabilities")?;
        }
        Ok(())
    }

    fn add_external(&self, tx: &mut Tx<'_>, params: &AccountParams) -> Result<()> {
        let Some(source) = &params.external_account else { return Ok(()) };
        let owner = Owner { number: self.number, id: self.id.clone() };
        bank_account::add_external(tx, owner, source)
    }

    fn update_individual(&mut self, tx: &mut Tx<'_>, params: &IndividualParams) -> Result<()> {
        if self.person.is_none() {
            self.person = Some(tx.new_id_with("person"));
        }
        self.individual = merged(&self.individual, &params.individual)?;
        self.id_number = params.id_number.as_deref().map(Number::of).or(self.id_number);
        self.id_number_secondary_provided |= params.id_number_secondary.is_some();
        self.ssn_last_4_provided |= params.ssn_last_4.is_some();
        Ok(params.metadata.apply(&mut self.individual_metadata)?)
    }

    /// Asks for capabilities and gives others up. `path` is where the request stands.
    pub fn request(&mut self, requests: &Requests, now: Millis, path: &str) -> Result<()> {
        for (name, requested) in &requests.0 {
            if !requested {
                self.capabilities.remove(*name);
                continue;
            }
            if *name == "treasury" {
                let is_whole = path == "capabilities";
                let param = if is_whole { "capabilities[treasury][requested]" } else { path };
                self.check_treasury(param)?;
            }
            let new = Requested { at: now, status: CapabilityStatus::Inactive };
            self.capabilities.entry((*name).to_owned()).or_insert(new);
        }
        Ok(())
    }

    /// Treasury is for accounts in the US whose platform answers for everything.
    fn check_treasury(&self, param: &str) -> Result<(), ApiError> {
        let refuse = |message: String| Err(ApiError::invalid(message).on(param));
        if self.country != "US" {
            let country = &self.country;
            return refuse(format!(
                "The treasury capability is not available to accounts in {country}."
            ));
        }
        if self.number != 0 && !self.controller.is_custom() {
            return refuse(
                "The treasury capability needs an account without a Stripe dashboard, whose \
                 platform collects requirements and is liable for losses."
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Decides anew what is due and which capabilities work. The platform's own always do.
    fn settle(&mut self, is_real: bool) {
        if self.number != 0 {
            self.requirements = self.assess(is_real);
        }
        for (name, requested) in &mut self.capabilities {
            requested.status = match self.rejected {
                Some(_) => CapabilityStatus::Inactive,
                None => self.requirements.status_of(name),
            };
        }
    }
}

impl Resource for Account {
    const OBJECT: &'static str = "account";
    const PREFIX: &'static str = "acct";
    const LABEL: &'static str = "account";
    const PARAM: &'static str = "account";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        // The platform's own account is in no list.
        if self.number != 0 {
            entries.add("number", self.number.to_string());
            entries.add("connected", "true");
            entries.add("part", id::account_part(&self.id));
        }
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let owner = Owner { number: self.number, id: self.id.clone() };
        let mut json = self.to_json()?;
        json.set("external_accounts", bank_account::shown_with(view, &owner)?);
        Ok(json)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
