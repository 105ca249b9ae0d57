//! What a request can say about an account.

use api::params::{Currency, Email, ListParams, Metadata, Params, Range};

use super::details::{BusinessProfile, BusinessType, Company, Groups, Individual, TosAcceptance};
use super::kind::{self, ControllerParams};
use super::settings::Settings;
use super::{PayoutsAction, RejectReason};
use crate::bank_account::BankSource;
use crate::capability::Requests;

#[derive(Params)]
pub struct AccountParams {
    /// The business as its customers know it.
    pub(super) business_profile: Option<BusinessProfile>,
    /// What the business is in law.
    pub(super) business_type: Option<BusinessType>,
    /// What the account asks to be allowed.
    pub(super) capabilities: Option<Requests>,
    /// The company behind the business.
    pub(super) company: Option<CompanyParams>,
    /// The currency of the account's own money.
    pub(super) default_currency: Option<Currency>,
    /// Where the account can be written to.
    pub(super) email: Option<Email>,
    /// A bank account to which payouts go from then on: a token of it, or its numbers.
    pub(super) external_account: Option<BankSource>,
    /// The groups that the account belongs to.
    pub(super) groups: Option<Groups>,
    /// The person behind the business.
    pub(super) individual: Option<IndividualParams>,
    /// Names and values of your own.
    pub(super) metadata: Metadata,
    /// How the account works.
    pub(super) settings: Option<Settings>,
    /// That the account agreed to the terms of service.
    pub(super) tos_acceptance: Option<TosAcceptance>,
}

#[derive(Params)]
pub struct CompanyParams {
    #[param(flatten)]
    pub(super) company: Company,
    /// The tax number. It is checked and not kept.
    pub(super) tax_id: Option<String>,
    /// The VAT number. It is not kept.
    pub(super) vat_id: Option<String>,
}

#[derive(Params)]
pub struct IndividualParams {
    #[param(flatten)]
    pub(super) individual: Individual,
    /// The government's number of the person. It is checked and not kept.
    pub(super) id_number: Option<String>,
    /// A second such number. It is not kept.
    pub(super) id_number_secondary: Option<String>,
    /// Names and values of your own.
    pub(super) metadata: Metadata,
    /// The last four digits of the social security number. They are not kept.
    pub(super) ssn_last_4: Option<String>,
}

#[derive(Params)]
pub struct CreateAccount {
    #[param(flatten)]
    pub(super) account: AccountParams,
    /// Who is responsible for what. Not together with `type`.
    pub(super) controller: Option<ControllerParams>,
    /// Two letters, as in ISO 3166-1; the platform's country unless given.
    #[param(max = 2)]
    pub(super) country: Option<String>,
    /// The older way to say who is responsible for what.
    pub(super) r#type: Option<kind::ClassicType>,
}

#[derive(Params)]
pub struct ListAccounts {
    #[param(flatten)]
    pub(super) page: ListParams,
    /// Only accounts created then.
    pub(super) created: Option<Range>,
}

#[derive(Params)]
pub struct RejectAccount {
    /// Whether payouts stop with the rejection; they do unless this says `none`.
    pub(super) payouts_action: Option<PayoutsAction>,
    /// Why the account is rejected.
    pub(super) reason: RejectReason,
}
