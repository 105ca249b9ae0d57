//! `/openapi.json` and the coverage, generated from the declarations.

use api::json::Key;
use api::operation::{Method, Operation};
use api::params::{Field, Kind};
use api::{App, Json, array, object};

use crate::server::verb;

/// What is served, as an OpenAPI 3.0 document.
pub fn document(app: &App) -> Json {
    let mut paths: Vec<(Key, Json)> = Vec::new();
    for operation in app.api.operations() {
        let entry = (Key::Borrowed(verb(operation.method)), described(operation));
        match paths.iter_mut().find(|(path, _)| path == operation.path) {
            Some((_, Json::Object(methods))) => methods.push(entry),
            _ => paths.push((Key::Borrowed(operation.path), Json::Object(vec![entry]))),
        }
    }
    paths.sort_by(|a, b| a.0.cmp(&b.0));
    object([
        ("openapi", "3.0.3".into()),
        (
            "info",
            object([
                ("title", "Exchequer".into()),
                ("version", env!("CARGO_PKG_VERSION").into()),
                ("description", "The operations that this server serves.".into()),
            ]),
        ),
        ("paths", Json::Object(paths)),
    ])
}

fn described(operation: &Operation) -> Json {
    let fields = (operation.fields)();
    let mut parameters: Vec<Json> = variables(operation.path)
        .map(|name| {
            object([
                ("name", name.to_owned().into()),
                ("in", "path".into()),
                ("required", true.into()),
                ("schema", object([("type", "string".into())])),
            ])
        })
        .collect();
    let mut members = vec![
        (Key::Borrowed("summary"), operation.summary.into()),
        (Key::Borrowed("operationId"), operation_id(operation).into()),
    ];
    if operation.method == Method::Post {
        let form = object([("schema", hash(&fields))]);
        let content = object([("application/x-www-form-urlencoded", form)]);
        members.push((Key::Borrowed("requestBody"), object([("content", content)])));
    } else {
        parameters.extend(fields.iter().map(|field| {
            object([
                ("name", field.name.into()),
                ("in", "query".into()),
                ("required", field.required.into()),
                ("description", field.doc.into()),
                ("schema", schema(&(field.kind)())),
            ])
        }));
    }
    members.push((Key::Borrowed("parameters"), Json::Array(parameters)));
    let answer = object([("description", answer_of(operation).into())]);
    members.push((Key::Borrowed("responses"), object([("200", answer)])));
    Json::Object(members)
}

fn answer_of(operation: &Operation) -> String {
    let object = operation.object.map_or("an object", |object| object.object);
    match operation.shape {
        api::operation::Shape::Object => object.to_owned(),
        api::operation::Shape::List => format!("list of {object}"),
        api::operation::Shape::Deleted => format!("deleted {object}"),
    }
}

fn operation_id(operation: &Operation) -> String {
    let path = operation.path.trim_start_matches("/v1/").replace(['{', '}'], "");
    format!("{}_{}", verb(operation.method), path.replace('/', "_"))
}

fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn hash(fields: &[Field]) -> Json {
    let properties = fields
        .iter()
        .map(|field| {
            let mut json = schema(&(field.kind)());
            json.set("description", field.doc.into());
            (Key::Borrowed(field.name), json)
        })
        .collect();
    let required: Vec<&'static str> =
        fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut json = object([("type", "object".into()), ("properties", Json::Object(properties))]);
    if !required.is_empty() {
        json.set("required", array(required));
    }
    json
}

fn schema(kind: &Kind) -> Json {
    let typed = |name: &'static str| object([("type", name.into())]);
    match kind {
        Kind::String { max } => {
            let mut json = typed("string");
            json.set("maxLength", Json::Int(i64::try_from(*max).unwrap_or(i64::MAX)));
            json
        }
        Kind::Integer { min, max } => {
            let mut json = typed("integer");
            if let Some(min) = min {
                json.set("minimum", Json::Int(*min));
            }
            if let Some(max) = max {
                json.set("maximum", Json::Int(*max));
            }
            json
        }
        Kind::Boolean => typed("boolean"),
        Kind::Timestamp => object([("type", "integer".into()), ("format", "unix-time".into())]),
        Kind::Enum(names) => {
            object([("type", "string".into()), ("enum", array(names.iter().copied()))])
        }
        Kind::Currency | Kind::Email | Kind::IpAddress => typed("string"),
        Kind::Range => object([("anyOf", array([typed("integer"), typed("object")]))]),
        Kind::Hash(fields) => hash(&fields()),
        Kind::Array(item) => object([("type", "array".into()), ("items", schema(item))]),
        Kind::Map => typed("object"),
        Kind::Any => object([]),
    }
}

/// What is done: every operation with its parameters, every event.
pub fn coverage(app: &App) -> Json {
    let resources = app.api.resources.iter().map(|resource| {
        let operations = resource.operations.iter().map(|operation| {
            let fields = (operation.fields)();
            object([
                ("method", operation.method.as_str().into()),
                ("path", operation.path.into()),
                ("summary", operation.summary.into()),
                ("parameters", array(fields.iter().map(|field| field.name))),
                ("status", "done".into()),
            ])
        });
        object([
            ("object", resource.object.into()),
            ("operations", array(operations)),
            ("events", array(resource.events.iter().copied())),
        ])
    });
    object([("version", env!("CARGO_PKG_VERSION").into()), ("resources", array(resources))])
}
