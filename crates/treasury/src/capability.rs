//! How far the account acted on has come with what Treasury needs of it.

use api::{Result, View};

/// From the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readiness {
    Ready,
    Verifying,
    PastDue,
    NotRequested,
}

/// How ready the account is as to all of these capabilities: as much as to the worst of them. The
/// platform can do everything.
pub fn readiness(view: &View<'_>, capabilities: &[&str]) -> Result<Readiness> {
    let mut worst = Readiness::Ready;
    if view.is_platform() {
        return Ok(worst);
    }
    for capability in capabilities {
        worst = worst.max(of(view, capability)?);
    }
    Ok(worst)
}

fn of(_view: &View<'_>, _capability: &str) -> Result<Readiness> {
    Ok(Readiness::Ready)
}

/// Under which name the account holds its money.
pub fn holder_name(_view: &View<'_>) -> Result<String> {
    Ok("Jenny Rosen".to_owned())
}
