//! How far the account acted on has come with what Treasury needs of it.

use api::{Result, View};
use exchequer_core::account::{self, Account, CapabilityStatus};
use exchequer_core::billing::Address;

/// From the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readiness {
    Ready,
    Verifying,
    PastDue,
    /// The platform rejected the account.
    Rejected,
    NotRequested,
}

/// How ready the account is as to all of these capabilities: as much as to the worst of them. The
/// platform can do everything.
pub fn readiness(view: &View<'_>, capabilities: &[&str]) -> Result<Readiness> {
    let mut worst = Readiness::Ready;
    if view.is_platform() {
        return Ok(worst);
    }
    let account = account::current(view)?;
    for capability in capabilities {
        worst = worst.max(of(&account, capability));
    }
    Ok(worst)
}

/// Under which name the account holds its money.
pub fn holder_name(view: &View<'_>) -> Result<String> {
    const NOBODY: &str = "Jenny Rosen";
    Ok(account::current(view)?.legal_name().unwrap_or_else(|| NOBODY.to_owned()))
}

/// The address of the legal entity behind the account; none where it is not known whole.
pub fn legal_address(view: &View<'_>) -> Result<Option<Address>> {
    Ok(account::current(view)?.legal_address().filter(Address::is_complete))
}

fn of(account: &Account, capability: &str) -> Readiness {
    match account.capability(capability) {
        None | Some(CapabilityStatus::Unrequested) => Readiness::NotRequested,
        Some(_) if account.rejected.is_some() => Readiness::Rejected,
        Some(CapabilityStatus::Active) => Readiness::Ready,
        Some(CapabilityStatus::Pending) => Readiness::Verifying,
        Some(CapabilityStatus::Inactive) => Readiness::PastDue,
    }
}
