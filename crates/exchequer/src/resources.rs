//! Every resource served: one line for each product.

use api::{Api, App, Config};

pub fn app(config: Config) -> App {
    let mut resources = exchequer_core::resources();
    resources.extend(payments::resources());
    resources.extend(treasury::resources());
    let api = Api {
        resources,
        event_targets: exchequer_core::subscriptions::event_targets,
        account_by_number: exchequer_core::account::account_by_number,
        account_by_id: exchequer_core::account::account_by_id,
        roll_secret: exchequer_core::webhook_endpoint::roll_secret,
        receipts: treasury::receipt::RECEIPTS,
        addresses: treasury::addresses::ADDRESSES,
    };
    App { api, config }
}
