//! What must hold before a SetupIntent goes on.

use api::{ApiError, Result, View};

use super::SetupIntent;
use crate::customer::Customer;
use crate::payment_method::{FlowDirection, PaymentMethod, Type};

impl SetupIntent {
    /// A bank account that money goes to belongs to somebody: a customer, or the account itself.
    pub(super) fn check_directions(&self) -> Result<(), ApiError> {
        let is_of_banks = self.payment_method_types.contains(&Type::UsBankAccount);
        let goes_out = self.flow_directions.contains(&FlowDirection::Outbound);
        if is_of_banks && goes_out && self.customer.is_none() && !self.attach_to_self {
            let message = "With flow_directions that include outbound, one of customer and \
                           attach_to_self=true must be given.";
            return Err(ApiError::invalid(message).on("flow_directions"));
        }
        Ok(())
    }

    /// The customer can have been deleted since it was named.
    pub(super) fn check_customer(&self, view: &View<'_>) -> Result<()> {
        match &self.customer {
            Some(customer) => view.require::<Customer>(customer, "customer"),
            None => Ok(()),
        }
    }

    /// Whether that PaymentMethod can be set up by this intent.
    pub(super) fn check_method(&self, method: &PaymentMethod, param: &str) -> Result<(), ApiError> {
        if !self.payment_method_types.contains(&method.kind_name()) {
            let types: Vec<&str> = self.payment_method_types.iter().map(|t| t.as_str()).collect();
            let message = format!(
                "The PaymentMethod provided ({}) is not allowed for this SetupIntent. Please \
                 provide a PaymentMethod of one of these types: {}.",
                method.kind_name().as_str(),
                types.join(", ")
            );
            let error = ApiError::param("setup_intent_invalid_parameter", param, message);
            return Err(error);
        }
        let holder = method.clone();
        let outcome = match (&self.customer, method.customer()) {
            (Some(customer), _) => holder.attached(customer),
            (None, None) if self.attach_to_self => holder.of_account(),
            (None, Some(_)) => {
                let message = "The PaymentMethod provided is attached to a customer. Provide that \
                               customer to set it up again.";
                return Err(ApiError::invalid(message).on(param));
            }
            (None, None) if method.is_detached() => return Err(method.used_up().on(param)),
            (None, None) => Ok(holder),
        };
        outcome.map(drop).map_err(|error| error.on(param))
    }
}
