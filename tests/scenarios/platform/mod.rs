//! What every resource shares: keys, forms, errors, lists, idempotency, events, webhooks.
