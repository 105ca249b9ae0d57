use super::*;
use crate::card::Brand;

fn held_by(holder: Holder) -> PaymentMethod {
    let kind = Kind::Card(Card::sample(Brand::Visa));
    PaymentMethod { holder, ..PaymentMethod::new("pm_1".into(), 0, kind) }
}

/// Every holder with every action: the holder afterwards, or a part of the refusal.
#[test]
fn who_holds_it_decides_what_can_happen() {
    let of = |id: &str| Holder::Customer(id.to_owned());
    let (other, same) = (of("cus_2"), of("cus_1"));
    let attached = "already been attached";
    let used_up = "may not be used again";
    let table: [(Holder, [Result<Holder, &str>; 3]); 5] = [
        // Attach to cus_1, make it the account's own, detach.
        (Holder::None, [Ok(same.clone()), Ok(Holder::Account), Err("not attached")]),
        (same.clone(), [Ok(same.clone()), Err(attached), Ok(Holder::Detached)]),
        (other, [Err(attached), Err(attached), Ok(Holder::Detached)]),
        (Holder::Account, [Err("account itself"), Ok(Holder::Account), Err("not attached")]),
        (Holder::Detached, [Err(used_up), Err(used_up), Err("not attached")]),
    ];
    for (holder, expected) in table {
        let method = || held_by(holder.clone());
        let outcomes = [method().attached("cus_1"), method().of_account(), method().detached()];
        for (outcome, expected) in outcomes.into_iter().zip(expected) {
            match (outcome, expected) {
                (Ok(method), Ok(holder)) => assert_eq!(method.holder, holder),
                (Err(error), Err(part)) => {
                    assert!(error.message.contains(part), "{}", error.message);
                }
                (outcome, expected) => {
                    let outcome = outcome.map(|method| method.holder);
                    panic!("from {holder:?}: {outcome:?}, not {expected:?}");
                }
            }
        }
    }
}

#[test]
fn its_state_survives_being_kept() {
    let method = held_by(Holder::Customer("cus_1".into()));
    let text = serde_json::to_string(&method).unwrap();
    let back: PaymentMethod = serde_json::from_str(&text).unwrap();
    assert_eq!((back.holder, back.kind), (method.holder, method.kind));
    assert!(!text.contains("metadata"), "{text}");
}
