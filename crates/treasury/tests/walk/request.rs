//! What a command asks the API for.

use crate::command::{
    Action, Amount, Command, FEATURES, Inward, NUMBERS, Network, Outbound, TOKENS, To,
};
use crate::model::{Model, Payment, Way};
use crate::world::{Form, Request, World};

/// The request of a resolved command, given by an owner.
pub fn of(command: Command, model: &Model, world: &World, owner: usize) -> Request {
    let account = |at: usize| model.accounts[at].id.clone();
    let post = |path, id, form| Request::Post { owner, path, id, form };
    match command {
        Command::Wait { ms } => Request::Wait(ms),
        Command::Open { features, .. } => {
            let mut form: Form = vec![("supported_currencies[]", "usd".into())];
            let names = CREATED_WITH.iter().enumerate();
            form.extend(names.map(|(at, name)| (*name, (features & 1 << at != 0).to_string())));
            post("/v1/treasury/financial_accounts", String::new(), form)
        }
        Command::Fund { account: to, network, amount } => {
            let network = match network {
                Network::Ach => "ach",
                Network::Rtp => "rtp",
                Network::UsDomesticWire => "us_domestic_wire",
            };
            let mut form = money(amount, account(to));
            form.push(("network", network.into()));
            post("/v1/test_helpers/treasury/received_credits", String::new(), form)
        }
        Command::Pay { flow, account: from, to, amount } => {
            let mut form = money(amount, account(from));
            match to {
                To::Account(to) => within(&mut form, account(to)),
                To::Bank { number, .. } if flow == Outbound::Transfer => {
                    form.push(("destination_payment_method", NUMBERS[number].1.into()));
                }
                To::Bank { number, by_token: true, .. } => {
                    form.push(("customer", world.customers[owner].clone()));
                    form.push(("destination_payment_method", NUMBERS[number].1.into()));
                }
                To::Bank { number, .. } => outside(&mut form, NUMBERS[number].0),
            }
            if let To::Bank { by_wire: true, .. } = to {
                let network = "destination_payment_method_options[us_bank_account][network]";
                form.push((network, "us_domestic_wire".into()));
            }
            let path = match flow {
                Outbound::Payment => "/v1/treasury/outbound_payments",
                Outbound::Transfer => "/v1/treasury/outbound_transfers",
            };
            post(path, String::new(), form)
        }
        Command::Act { payment, action } => {
            let Payment { id, flow, way, .. } = &model.payments[payment];
            let (path, form) = act(action, *flow, *way);
            post(path, id.clone(), form)
        }
        Command::Debit { account: from, amount } => {
            let mut form = money(amount, account(from));
            form.push(("network", "ach".into()));
            post("/v1/test_helpers/treasury/received_debits", String::new(), form)
        }
        Command::Draw { account: to, token, amount } => {
            let mut form = money(amount, account(to));
            form.push(("origin_payment_method", TOKENS[token].0.into()));
            post("/v1/treasury/inbound_transfers", String::new(), form)
        }
        Command::ActOnDraft { draft, action } => {
            let (path, form) = act_on_draft(action);
            post(path, model.drafts[draft].id.clone(), form)
        }
        Command::SendBack { credit } => {
            let form = vec![("received_credit", model.credits[credit].id.clone())];
            post("/v1/treasury/credit_reversals", String::new(), form)
        }
        Command::TakeBack { debit } => {
            let form = vec![("received_debit", model.debits[debit].id.clone())];
            post("/v1/treasury/debit_reversals", String::new(), form)
        }
        Command::Switch { account: of, feature, on } => {
            let name = SWITCHED[feature];
            let path = "/v1/treasury/financial_accounts/{id}/features";
            post(path, account(of), vec![(name, on.to_string())])
        }
        Command::Restrict { account: of, inbound, outbound } => {
            let mut form = Form::new();
            for (name, restricted) in [
                ("platform_restrictions[inbound_flows]", inbound),
                ("platform_restrictions[outbound_flows]", outbound),
            ] {
                let value = restricted.map(|yes| if yes { "restricted" } else { "unrestricted" });
                form.extend(value.map(|value| (name, value.to_owned())));
            }
            post("/v1/treasury/financial_accounts/{id}", account(of), form)
        }
        Command::Close { account: of, heir } => {
            let mut form = Form::new();
            if let Some(heir) = heir {
                form.push(("forwarding_settings[type]", "financial_account".into()));
                form.push(("forwarding_settings[financial_account]", account(heir)));
            }
            post("/v1/treasury/financial_accounts/{id}/close", account(of), form)
        }
    }
}

/// The parameters of [`FEATURES`], when an account is made and afterwards.
const CREATED_WITH: [&str; FEATURES.len()] = [
    "features[financial_addresses][aba][requested]",
    "features[intra_stripe_flows][requested]",
    "features[outbound_payments][ach][requested]",
    "features[outbound_payments][us_domestic_wire][requested]",
    "features[outbound_transfers][ach][requested]",
    "features[outbound_transfers][us_domestic_wire][requested]",
    "features[inbound_transfers][ach][requested]",
];
const SWITCHED: [&str; FEATURES.len()] = [
    "financial_addresses[aba][requested]",
    "intra_stripe_flows[requested]",
    "outbound_payments[ach][requested]",
    "outbound_payments[us_domestic_wire][requested]",
    "outbound_transfers[ach][requested]",
    "outbound_transfers[us_domestic_wire][requested]",
    "inbound_transfers[ach][requested]",
];

fn money(amount: Amount, account: String) -> Form {
    let Amount::Cents(cents) = amount else { unreachable!("it was resolved") };
    vec![("amount", cents.to_string()), ("currency", "usd".into()), ("financial_account", account)]
}

fn within(form: &mut Form, to: String) {
    form.push(("destination_payment_method_data[type]", "financial_account".into()));
    form.push(("destination_payment_method_data[financial_account]", to));
}

/// Somebody whose name and address are good enough for a wire.
fn outside(form: &mut Form, number: &str) {
    const DATA: [(&str, &str); 10] = [
        ("destination_payment_method_data[type]", "us_bank_account"),
        ("destination_payment_method_data[us_bank_account][account_holder_type]", "company"),
        ("destination_payment_method_data[us_bank_account][routing_number]", "110000000"),
        ("destination_payment_method_data[billing_details][name]", "Jenny Rosen"),
        ("destination_payment_method_data[billing_details][address][line1]", "1 Main Street"),
        ("destination_payment_method_data[billing_details][address][city]", "Springfield"),
        ("destination_payment_method_data[billing_details][address][state]", "IL"),
        ("destination_payment_method_data[billing_details][address][postal_code]", "62701"),
        ("destination_payment_method_data[billing_details][address][country]", "US"),
        ("description", "rent"),
    ];
    form.extend(DATA.map(|(name, value)| (name, value.to_owned())));
    let name = "destination_payment_method_data[us_bank_account][account_number]";
    form.push((name, number.to_owned()));
}

fn act(action: Action, flow: Outbound, way: Way) -> (&'static str, Form) {
    let paths = match flow {
        Outbound::Payment => &PAYMENT_PATHS,
        Outbound::Transfer => &TRANSFER_PATHS,
    };
    let [cancel, fail, post, return_, track] = *paths;
    match action {
        Action::Cancel => (cancel, vec![]),
        Action::Fail => (fail, vec![]),
        Action::Post => (post, vec![]),
        Action::Return(code) => {
            let code = code.map(|code| ("returned_details[code]", code.to_owned()));
            (return_, code.into_iter().collect())
        }
        Action::Track { other } if (way == Way::Wire) != other => {
            let imad = "tracking_details[us_domestic_wire][imad]";
            let kind = ("tracking_details[type]", "us_domestic_wire".to_owned());
            (track, vec![kind, (imad, "20230405MMQFMP1B000001".into())])
        }
        Action::Track { .. } => {
            let trace = ("tracking_details[ach][trace_id]", "841042400123450".to_owned());
            (track, vec![("tracking_details[type]", "ach".to_owned()), trace])
        }
    }
}

fn act_on_draft(action: Inward) -> (&'static str, Form) {
    match action {
        Inward::Cancel => ("/v1/treasury/inbound_transfers/{id}/cancel", vec![]),
        Inward::Fail(code) => {
            let code = code.map(|code| ("failure_details[code]", code.to_owned()));
            let path = "/v1/test_helpers/treasury/inbound_transfers/{id}/fail";
            (path, code.into_iter().collect())
        }
        Inward::Return(_) => ("/v1/test_helpers/treasury/inbound_transfers/{id}/return", vec![]),
        Inward::Succeed => ("/v1/test_helpers/treasury/inbound_transfers/{id}/succeed", vec![]),
        Inward::Submit => unreachable!("nobody asks for it"),
    }
}

/// Where the actions are asked for: cancel, fail, post, return, track.
const PAYMENT_PATHS: [&str; 5] = [
    "/v1/treasury/outbound_payments/{id}/cancel",
    "/v1/test_helpers/treasury/outbound_payments/{id}/fail",
    "/v1/test_helpers/treasury/outbound_payments/{id}/post",
    "/v1/test_helpers/treasury/outbound_payments/{id}/return",
    "/v1/test_helpers/treasury/outbound_payments/{id}",
];
const TRANSFER_PATHS: [&str; 5] = [
    "/v1/treasury/outbound_transfers/{id}/cancel",
    "/v1/test_helpers/treasury/outbound_transfers/{id}/fail",
    "/v1/test_helpers/treasury/outbound_transfers/{id}/post",
    "/v1/test_helpers/treasury/outbound_transfers/{id}/return",
    "/v1/test_helpers/treasury/outbound_transfers/{id}",
];
