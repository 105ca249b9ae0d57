//! The README's table of what is served, made from what the server says of itself.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use crate::process::Outcome;

const BEGIN: &str = "<!-- coverage: written by `cargo xtask readme --write` -->\n";
const END: &str = "<!-- end of coverage -->\n";

/// The table of a running server.
pub fn fetch(address: &str, key: &str) -> Outcome<String> {
    let url = format!("http://{address}/_exchequer/coverage");
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build().into();
    let answer = agent.get(&url).header("Authorization", format!("Bearer {key}")).call();
    let mut answer = answer.map_err(|error| format!("{url}: {error}"))?;
    let coverage = answer.body_mut().read_json().map_err(|error| format!("{url}: {error}"))?;
    table(&coverage)
}

/// Fails where the text's table is not this one.
pub fn check(text: &str, table: &str) -> Outcome<()> {
    if replace(text, table)? == text {
        return Ok(());
    }
    Err("README.md does not tell what is served: run `cargo xtask readme --write`".into())
}

/// The text with this table in its marked place.
pub fn replace(text: &str, table: &str) -> Outcome<String> {
    let missing = || format!("README.md has no place for a table: {BEGIN}{END}");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

/// A row for each resource, by its name.
fn table(coverage: &Value) -> Outcome<String> {
    let resources = coverage["resources"].as_array().ok_or("the coverage lists no resources")?;
    let mut rows: BTreeMap<&str, (Vec<String>, usize)> = BTreeMap::new();
    for resource in resources {
        let row = rows.entry(text(&resource["object"])?).or_default();
        let operations =
            resource["operations"].as_array().ok_or("a resource without operations")?;
        for operation in operations {
            // What can be read at its path is a member of the object, not something done to it.
            let is_read =
                |other: &Value| other["method"] == "GET" && other["path"] == operation["path"];
            let is_member = operations.iter().any(is_read);
            let name = short(text(&operation["method"])?, text(&operation["path"])?, is_member);
            // `retrieve` can have two paths: by an id, and of one's own.
            if !row.0.contains(&name) {
                row.0.push(name);
            }
        }
        row.1 += resource["events"].as_array().map_or(0, Vec::len);
    }
    let mut table = String::from("| Resource | Operations | Events |\n|---|---|---|\n");
    for (object, (operations, events)) in rows {
        let operations = operations.join(", ");
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| `{object}` | {operations} | {events} |");
    }
    Ok(table)
}

fn text(value: &Value) -> Outcome<&str> {
    value.as_str().ok_or_else(|| format!("the coverage has {value} in the place of a text"))
}

/// What a developer calls an operation, from its method and path.
fn short(method: &str, path: &str, is_member: bool) -> String {
    let path = path.trim_start_matches("/v1/");
    let (prefix, path) = match path.strip_prefix("test_helpers/") {
        Some(path) => ("test helper ", path),
        None => ("", path),
    };
    let parts: Vec<&str> = path.split('/').collect();
    let last = parts.last().copied().unwrap_or_default();
    let below = parts.iter().any(|part| part.starts_with('{'));
    let name = match (method, last.starts_with('{')) {
        ("GET", true) => "retrieve".to_owned(),
        ("POST", true) => "update".to_owned(),
        ("POST", false) if !below => "create".to_owned(),
        ("DELETE", _) => "delete".to_owned(),
        ("GET", false) if below => format!("read {last}"),
        ("GET", false) if last.ends_with('s') => "list".to_owned(),
        ("GET", false) => "retrieve".to_owned(),
        (_, false) if is_member => format!("update {last}"),
        _ => last.to_owned(),
    };
    format!("{prefix}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_have_short_names() {
        for (method, path, name) in [
            ("POST", "/v1/treasury/outbound_payments", "create"),
            ("GET", "/v1/treasury/outbound_payments", "list"),
            ("GET", "/v1/treasury/outbound_payments/{id}", "retrieve"),
            ("POST", "/v1/treasury/outbound_payments/{id}/cancel", "cancel"),
            ("POST", "/v1/test_helpers/treasury/outbound_payments/{id}", "test helper update"),
            ("POST", "/v1/test_helpers/treasury/outbound_payments/{id}/post", "test helper post"),
            ("POST", "/v1/test_helpers/treasury/received_credits", "test helper create"),
            ("GET", "/v1/treasury/financial_accounts/{id}/features", "read features"),
            ("POST", "/v1/treasury/financial_accounts/{id}/features", "update features"),
            ("DELETE", "/v1/customers/{id}", "delete"),
            ("GET", "/v1/balance", "retrieve"),
        ] {
            let is_member = path.ends_with("/features");
            assert_eq!(short(method, path, is_member), name, "{method} {path}");
        }
    }

    #[test]
    fn an_untrue_table_is_found() -> Outcome<()> {
        let served = |path: &str| {
            let operations = json!([{"method": "GET", "path": path}]);
            let customer = json!({"object": "customer", "operations": operations, "events": ["a"]});
            table(&json!({"resources": [customer]}))
        };
        let one = served("/v1/customers/{id}")?;
        assert!(one.ends_with("| `customer` | retrieve | 1 |\n"), "{one}");
        let text = replace(&format!("before\n{BEGIN}old\n{END}after\n"), &one)?;
        assert!(text.starts_with("before\n") && text.ends_with("after\n"), "{text}");
        check(&text, &one)?;
        assert!(check(&text, &served("/v1/customers")?).is_err());
        assert!(check("no place\n", &one).is_err());
        Ok(())
    }
}
