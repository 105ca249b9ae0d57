//! The few pages that need no key.

use crate::gateway::Gateway;

/// Where receipts are.
pub const RECEIPTS: &str = "/regulatory-receipt/";

pub fn front(gateway: &Gateway) -> String {
    let version = gateway.version;
    let url = &gateway.app.config.public_url;
    let key = if gateway.keys.is_open() {
        "<p>Any test key works, and each is a sandbox of its own. The usual one is \
         <code>sk_test_exchequer</code>.</p>"
    } else {
        "<p>Only the keys of this server's file work.</p>"
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Exchequer</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;\
         padding:0 1rem}}code{{background:#eee;padding:.1em .3em}}</style>\
         <h1>Exchequer {version}</h1>\
         <p>Stripe's money-movement API on your own machine. Not affiliated with Stripe.</p>{key}\
         <p>Try it: <code>curl {url}/v1/balance -u sk_test_exchequer:</code></p>\
         <p>What is served: <a href=\"/openapi.json\">/openapi.json</a>, \
         <code>/_exchequer/coverage</code>. Documentation: the README and <code>docs/</code> of the \
         source.</p></html>\n"
    )
}

pub fn not_found() -> String {
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Not found</title>\
     <h1>Not found</h1><p>There is nothing at this address, or no longer.</p></html>\n"
        .into()
}
