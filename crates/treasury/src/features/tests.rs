use super::*;
use Restriction::{Restricted, Unrestricted};

const ALL: [Feature; 9] = [
    Feature::CardIssuing,
    Feature::DepositInsurance,
    Feature::FinancialAddressesAba,
    Feature::InboundTransfersAch,
    Feature::IntraStripeFlows,
    Feature::OutboundPaymentsAch,
    Feature::OutboundPaymentsUsDomesticWire,
    Feature::OutboundTransfersAch,
    Feature::OutboundTransfersUsDomesticWire,
];

fn account(standing: Standing, inbound: Restriction, outbound: Restriction) -> FinancialAccount {
    let mut account = FinancialAccount::new("fa_1".into(), 0);
    account.features = ALL.into_iter().map(|feature| (feature, standing)).collect();
    account.restrictions = Restrictions { inbound_flows: inbound, outbound_flows: outbound };
    account
}

#[test]
fn features_are_in_the_order_of_the_arrays() {
    let names: Vec<&str> = ALL.iter().map(|feature| feature.as_str()).collect();
    assert_eq!(names, Feature::NAMES);
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
}

#[test]
fn features_need_their_capabilities() {
    use Feature::*;
    const ACH: &[&str] = &["treasury", "us_bank_account_ach_payments"];
    let table: [(Feature, &[&str]); 9] = [
        (CardIssuing, &["card_issuing"]),
        (DepositInsurance, &["treasury"]),
        (FinancialAddressesAba, &["treasury"]),
        (InboundTransfersAch, ACH),
        (IntraStripeFlows, &["treasury"]),
        (OutboundPaymentsAch, ACH),
        (OutboundPaymentsUsDomesticWire, &["treasury"]),
        (OutboundTransfersAch, ACH),
        (OutboundTransfersUsDomesticWire, &["treasury"]),
    ];
    for (feature, capabilities) in table {
        assert_eq!(feature.capabilities(), capabilities, "{feature:?}");
    }
}

#[test]
fn a_request_changes_the_features_that_it_names() {
    let wanted = |requested| Some(Toggle { requested });
    let both =
        |ach, wire| Some(NetworkToggles { ach: wanted(ach), us_domestic_wire: wanted(wire) });
    let all = FeatureToggles {
        card_issuing: wanted(true),
        deposit_insurance: wanted(false),
        financial_addresses: Some(AbaToggle { aba: wanted(true) }),
        inbound_transfers: Some(AchToggle { ach: wanted(false) }),
        intra_stripe_flows: wanted(true),
        outbound_payments: both(false, true),
        outbound_transfers: both(false, true),
    };
    let alternating = [true, false, true, false, true, false, true, false, true];
    let expected: Vec<_> = ALL.into_iter().zip(alternating).collect();
    assert_eq!(all.changes(), expected);
    assert_eq!(FeatureToggles::default().changes(), []);
    let wire = NetworkToggles { ach: None, us_domestic_wire: wanted(true) };
    let one = FeatureToggles { outbound_payments: Some(wire), ..FeatureToggles::default() };
    assert_eq!(one.changes(), [(Feature::OutboundPaymentsUsDomesticWire, true)]);
}

#[test]
fn restrictions_are_kept() {
    for inbound in [Restricted, Unrestricted] {
        for outbound in [Restricted, Unrestricted] {
            let account = account(Standing::Active, inbound, outbound);
            let text = serde_json::to_string(&account).unwrap();
            let kept: FinancialAccount = serde_json::from_str(&text).unwrap();
            assert_eq!(kept.restrictions, account.restrictions);
            let any = inbound == Restricted || outbound == Restricted;
            assert_eq!(text.contains("restrictions"), any, "{text}");
        }
    }
}

/// Feature by feature: what shows and what passes, in and out, under each restriction.
#[test]
fn restrictions_close_the_gates_of_their_direction() {
    use Feature::*;
    // Whether the feature shows as restricted when inbound, or outbound, flows are.
    let table = [
        (CardIssuing, false, false),
        (DepositInsurance, false, false),
        (FinancialAddressesAba, true, true),
        (InboundTransfersAch, true, false),
        (IntraStripeFlows, true, true),
        (OutboundPaymentsAch, false, true),
        (OutboundPaymentsUsDomesticWire, false, true),
        (OutboundTransfersAch, false, true),
        (OutboundTransfersUsDomesticWire, false, true),
    ];
    for (feature, by_inbound, by_outbound) in table {
        for (inbound, outbound) in [
            (Unrestricted, Unrestricted),
            (Restricted, Unrestricted),
            (Unrestricted, Restricted),
            (Restricted, Restricted),
        ] {
            let account = account(Standing::Active, inbound, outbound);
            let no_in = by_inbound && inbound == Restricted;
            let no_out = by_outbound && outbound == Restricted;
            let (status, details) = shown(&account, feature, Standing::Active);
            let is_restricted = no_in || no_out;
            assert_eq!(status == Status::Restricted, is_restricted, "{feature:?}");
            assert_eq!(details.len(), usize::from(no_in) + usize::from(no_out));
            for (direction, is_frozen) in
                [(Direction::Inbound, no_in), (Direction::Outbound, no_out)]
            {
                let wanted = if is_frozen { Gate::Frozen } else { Gate::Open };
                assert_eq!(gate(&account, feature, direction), wanted, "{feature:?}");
                assert_eq!(check(&account, feature, direction).is_err(), is_frozen);
            }
        }
    }
}

#[test]
fn only_an_active_feature_lets_money_pass() {
    let table = [
        (Standing::Active, Gate::Open, Status::Active, None),
        (Standing::Activating, Gate::NotActive, Status::Pending, Some("activating")),
        (
            Standing::Verifying,
            Gate::NotActive,
            Status::Pending,
            Some("requirements_pending_verification"),
        ),
        (Standing::PastDue, Gate::NotActive, Status::Restricted, Some("requirements_past_due")),
        (Standing::Rejected, Gate::NotActive, Status::Restricted, Some("rejected_other")),
        (
            Standing::NotRequested,
            Gate::NotActive,
            Status::Restricted,
            Some("capability_not_requested"),
        ),
    ];
    let feature = Feature::OutboundPaymentsAch;
    for (standing, passes, status, code) in table {
        let mut account = account(standing, Unrestricted, Unrestricted);
        assert_eq!(gate(&account, feature, Direction::Outbound), passes);
        let (found, details) = shown(&account, feature, standing);
        assert_eq!((found, details.first().map(|detail| detail.code)), (status, code));
        if passes == Gate::NotActive {
            let error = check(&account, feature, Direction::Outbound).unwrap_err();
            assert_eq!((error.status, error.code), (400, None));
            assert_eq!(error.param.as_deref(), Some("financial_account"));
            assert!(error.message.contains("outbound_payments.ach"), "{}", error.message);
        }
        account.is_closed = true;
        assert_eq!(gate(&account, feature, Direction::Outbound), Gate::Closed);
        let closed = vec![Detail::of("financial_account_closed", None)];
        assert_eq!(shown(&account, feature, standing), (Status::Restricted, closed));
        account.features.clear();
        account.is_closed = false;
        assert_eq!(gate(&account, feature, Direction::Outbound), Gate::NotActive);
    }
}

#[test]
fn standings_follow_the_capabilities() {
    use Readiness::*;
    let (ach, cards) = (Feature::OutboundPaymentsAch, Feature::CardIssuing);
    for before in [None, Some(Standing::PastDue), Some(Standing::Activating)] {
        assert_eq!(ach.standing(Ready, before), Standing::Activating);
        assert_eq!(cards.standing(Ready, before), Standing::Active);
    }
    for before in [None, Some(Standing::Active), Some(Standing::Activating)] {
        for feature in [ach, cards] {
            assert_eq!(feature.standing(Verifying, before), Standing::Verifying);
            assert_eq!(feature.standing(PastDue, before), Standing::PastDue);
            assert_eq!(feature.standing(Rejected, before), Standing::Rejected);
            assert_eq!(feature.standing(NotRequested, before), Standing::NotRequested);
        }
    }
    assert_eq!(ach.standing(Ready, Some(Standing::Active)), Standing::Active);
}

#[test]
fn the_hash_holds_what_was_requested() {
    let mut account = account(Standing::Active, Unrestricted, Restricted);
    account.features.retain(|feature, _| {
        matches!(feature, Feature::CardIssuing | Feature::OutboundPaymentsUsDomesticWire)
    });
    let text = hash(&account).compact();
    assert_eq!(
        text,
        "{\"object\":\"treasury.financial_account_features\",\
         \"card_issuing\":{\"requested\":true,\"status\":\"active\",\"status_details\":[]},\
         \"outbound_payments\":{\"us_domestic_wire\":{\"requested\":true,\
         \"status\":\"restricted\",\"status_details\":[{\"code\":\"restricted_by_platform\",\
         \"resolution\":\"remove_restriction\",\"restriction\":\"outbound_flows\"}]}}}"
    );
    assert_eq!(paths(&account, Status::Active), ["card_issuing"]);
    assert_eq!(paths(&account, Status::Restricted), ["outbound_payments.us_domestic_wire"]);
}
