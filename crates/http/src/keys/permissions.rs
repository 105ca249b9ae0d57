//! What a restricted key may do: permissions to read or write a resource, by the names that the
//! API uses in its refusals (`customer_read`, `treasury_outbound_payment_write`). They follow from
//! the declared operations; there is no second list of them.

use std::collections::BTreeSet;
use std::fmt;

use api::expand::Expansion;
use api::operation::{Method, Operation};
use api::resource::ObjectDef;
use api::{Api, ApiError};

use super::{Caller, refusals};

/// Resources whose permission is not called as they are.
const OTHER_NAMES: [(&str, &str); 2] =
    [("account", "connected_account"), ("webhook_endpoint", "webhook")];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// One permission, on the objects of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug {
    object: String,
    access: Access,
}

impl Slug {
    pub fn read(object: &str) -> Slug {
        Slug { object: object.to_owned(), access: Access::Read }
    }

    /// What an operation needs; none where restricted keys have no business.
    pub fn of(operation: &Operation) -> Option<Slug> {
        let access = match operation.method {
            Method::Get => Access::Read,
            Method::Post | Method::Delete => Access::Write,
        };
        let object = operation.object.as_ref()?.object.to_owned();
        Some(Slug { object, access })
    }

    /// The permission as people read it: `Treasury Outbound Payments Write`.
    pub fn label(&self) -> String {
        let access = match self.access {
            Access::Read => "Read",
            Access::Write => "Write",
        };
        let mut words: Vec<String> = self
            .object
            .split(['.', '_'])
            .map(capitalised)
            .filter(|word| !word.is_empty())
            .collect();
        if let Some(last) = words.last_mut() {
            *last = plural(last);
        }
        if self.object == "account" {
            words.insert(0, "Connected".into());
        }
        format!("{} {access}", words.join(" "))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = OTHER_NAMES.iter().find(|(object, _)| *object == self.object);
        let name = match other {
            Some((_, name)) => (*name).to_owned(),
            None => self.object.replace('.', "_"),
        };
        let access = match self.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        write!(f, "{name}_{access}")
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn plural(word: &str) -> String {
    match word {
        "Balance" => word.into(),
        _ if word.ends_with('s') => word.into(),
        _ => match word.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{word}s"),
        },
    }
}

/// Every permission there is, from the declarations.
pub struct Catalogue(BTreeSet<String>);

impl Catalogue {
    pub fn of(api: &Api) -> Catalogue {
        let mut slugs = BTreeSet::new();
        for slug in api.operations().filter_map(Slug::of) {
            slugs.insert(Slug::read(&slug.object).to_string());
            slugs.insert(slug.to_string());
        }
        Catalogue(slugs)
    }

    /// What a key is given; a name that is none is refused with those that are.
    pub fn grant(&self, names: &[String]) -> Result<Granted, String> {
        let mut granted = BTreeSet::new();
        for name in names {
            if !self.0.contains(name) {
                let all: Vec<&str> = self.0.iter().map(String::as_str).collect();
                let all = all.join(", ");
                return Err(format!("'{name}' is no permission; the permissions are {all}"));
            }
            // Who may write may read.
            if let Some(resource) = name.strip_suffix("_write") {
                granted.insert(format!("{resource}_read"));
            }
            granted.insert(name.clone());
        }
        Ok(Granted(granted))
    }
}

impl FromIterator<String> for Catalogue {
    fn from_iter<I: IntoIterator<Item = String>>(slugs: I) -> Self {
        Catalogue(slugs.into_iter().collect())
    }
}

/// The permissions of a restricted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted(BTreeSet<String>);

impl Caller {
    pub fn is_restricted(&self) -> bool {
        self.granted.is_some()
    }

    fn require(&self, account: &str, slug: &Slug) -> Result<(), ApiError> {
        match &self.granted {
            Some(granted) if !granted.0.contains(&slug.to_string()) => {
                Err(refusals::lacking(self, account, slug))
            }
            _ => Ok(()),
        }
    }

    /// Whether the key may call that operation.
    pub fn may_call(&self, account: &str, operation: &Operation) -> Result<(), ApiError> {
        if !self.is_restricted() {
            return Ok(());
        }
        match Slug::of(operation) {
            Some(slug) => self.require(account, &slug),
            None => Err(refusals::never(self, account)),
        }
    }

    /// Whether the key may see objects of that resource.
    pub fn may_read(&self, account: &str, object: &str) -> Result<(), ApiError> {
        self.require(account, &Slug::read(object))
    }

    /// Whether the key may see what the answer would hold in the place of ids.
    pub fn may_expand(
        &self,
        account: &str,
        object: Option<&ObjectDef>,
        expansion: &Expansion,
    ) -> Result<(), ApiError> {
        let (true, Some(object)) = (self.is_restricted(), object) else { return Ok(()) };
        for reference in expansion.references(object) {
            self.may_read(account, reference)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_called_as_its_resource() {
        let called = |object: &str| Slug::read(object).to_string();
        assert_eq!(called("customer"), "customer_read");
        assert_eq!(called("treasury.outbound_payment"), "treasury_outbound_payment_read");
        assert_eq!(called("webhook_endpoint"), "webhook_read");
        assert_eq!(called("account"), "connected_account_read");
    }

    #[test]
    fn a_permission_has_a_label() {
        let label = |object: &str| Slug::read(object).label();
        assert_eq!(label("treasury.transaction_entry"), "Treasury Transaction Entries Read");
        assert_eq!(label("webhook_endpoint"), "Webhook Endpoints Read");
        assert_eq!(label("balance"), "Balance Read");
        assert_eq!(label("account"), "Connected Accounts Read");
        let write = Slug { access: Access::Write, ..Slug::read("customer") };
        assert_eq!(write.label(), "Customers Write");
    }

    #[test]
    fn writing_implies_reading_and_nothing_else() {
        let all = ["customer_read", "customer_write", "event_read"].map(str::to_owned);
        let catalogue = Catalogue::from_iter(all);
        let granted = catalogue.grant(&["customer_write".into()]).unwrap();
        assert!(granted.0.contains("customer_read"));
        assert!(!granted.0.contains("event_read"));
        let granted = catalogue.grant(&["customer_read".into()]).unwrap();
        assert!(!granted.0.contains("customer_write"));
    }

    #[test]
    fn what_is_no_permission_is_refused_with_the_list() {
        let catalogue = Catalogue::from_iter(["customer_read".to_owned()]);
        let why = catalogue.grant(&["customers_read".into()]).unwrap_err();
        assert_eq!(why, "'customers_read' is no permission; the permissions are customer_read");
    }
}
