//! Rules of typed parameters: each row is a request and what is answered.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::json::Json;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Status {
    Open,
    InTransit,
    #[choice(name = "shut")]
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Rail {
    Ach,
    UsDomesticWire,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Only {
    One,
}

#[derive(Debug, PartialEq, Params)]
struct Item {
    price: String,
    #[param(min = 1)]
    quantity: Option<i64>,
}

#[derive(Debug, PartialEq, Params)]
#[params(check = Create::check)]
struct Create {
    /// How much, in the
    /// smallest unit.
    ///
    /// Never negative.
    #[param(min = 1, max = 9_999_999_999, over_max = "amount_too_large")]
    amount: i64,
    currency: Currency,
    #[param(max = 40)]
    description: Option<String>,
    note: Unset<String>,
    tags: Unset<Vec<String>>,
    items: Option<Vec<Item>>,
    status: Option<Status>,
    rail: Option<Rail>,
    only: Option<Only>,
    #[param(name = "type")]
    kind: Option<String>,
    r#final: Option<bool>,
    at: Option<Timestamp>,
    ip: Option<IpAddr>,
    email: Option<Email>,
    shipping: Unset<Item>,
    #[param(max = 3)]
    codes: Option<Vec<String>>,
    metadata: Metadata,
    created: Option<Range>,
    #[param(flatten)]
    list: ListParams,
}

impl Create {
    fn check(&self, at: &At<'_>) {
        at.at_most_one(&["type", "rail"]);
    }
}

fn parse<P: Params>(form: &str) -> Result<P, ApiError> {
    read(&Bag::parse("", form.as_bytes())?)
}

/// A complete request and something more.
fn create(more: &str) -> Result<Create, ApiError> {
    parse(&format!("amount=100&currency=usd&{more}"))
}

const KEYS: &str = "If passing an array with explicit keys (e.g. foo[0]=a&foo[1]=b) instead of as \
                    an array (e.g. foo[]=a&foo[]=b), the keys must be numeric and sequential \
                    starting from 0. You passed the keys ";

const CANNOT_BE_UNSET: &str = "You passed an empty string for '<P>'. We assume empty values are an \
                               attempt to unset a parameter; however '<P>' cannot be unset. You \
                               should remove '<P>' from your request or supply a non-empty value.";

const INTEGER: Option<&str> = Some("parameter_invalid_integer");
const UNKNOWN: Option<&str> = Some("parameter_unknown");
const EMPTY: Option<&str> = Some("parameter_invalid_empty");
const TIMESTAMP: &str = "Invalid timestamp: must be an integer Unix timestamp";
const MISSING: &str = "Missing required param: <P>.";

/// Form, code, parameter and message. `<P>` stands for the parameter, and a message that begins
/// with a backtick for the end of the long one about keys.
const REFUSALS: &[(&str, Option<&str>, &str, &str)] = &[
    ("foo=1", UNKNOWN, "foo", "Received unknown parameter: foo"),
    ("foo=1&bar[x]=2", UNKNOWN, "foo", "Received unknown parameters: foo, bar"),
    (
        "shipping[nope]=1&shipping[price]=p",
        UNKNOWN,
        "shipping[nope]",
        "Received unknown parameter: shipping[nope]",
    ),
    (
        "items[0][price]=p&items[1][nope]=1",
        UNKNOWN,
        "items[1][nope]",
        "Received unknown parameter: items[1][nope]",
    ),
    ("created[foo]=1", UNKNOWN, "created[foo]", "Received unknown parameter: created[foo]"),
    ("limit=abc", INTEGER, "limit", "Invalid integer: abc"),
    ("limit=1.0", INTEGER, "limit", "Invalid integer: 1.0"),
    ("created=abc", INTEGER, "created", "Invalid integer: abc"),
    ("created[gt]=1e3", INTEGER, "created[gt]", "Invalid integer: 1e3"),
    ("created[]=1", None, "created", r#"Invalid integer: ["1"]"#),
    ("final=yes", None, "final", "Invalid boolean: yes"),
    ("final=True", None, "final", "Invalid boolean: True"),
    ("amount=0", INTEGER, "amount", "This value must be greater than or equal to 1."),
    ("amount=", EMPTY, "amount", CANNOT_BE_UNSET),
    (
        "amount=10000000000",
        Some("amount_too_large"),
        "amount",
        "Amount must be no more than $99,999,999.99",
    ),
    (
        "amount=99999999999999999999",
        Some("amount_too_large"),
        "amount",
        "Amount must be no more than $99,999,999.99",
    ),
    (
        "items[][price]=a&items[][price]=b&items[][quantity]=0",
        INTEGER,
        "items[1][quantity]",
        "This value must be greater than or equal to 1.",
    ),
    ("at=99999999999999999999", None, "at", TIMESTAMP),
    ("at=noon", None, "at", TIMESTAMP),
    ("status=x", None, "status", "Invalid status: must be one of open, in_transit, or shut"),
    ("status=Open", None, "status", "Invalid status: must be one of open, in_transit, or shut"),
    ("rail=x", None, "rail", "Invalid rail: must be one of ach or us_domestic_wire"),
    ("only=x", None, "only", "Invalid only: must be one"),
    ("items=foo", None, "items", "Invalid array"),
    ("items[1][price]=x", None, "items", "`1`, we expected to have a key with the value `0`."),
    (
        "items[0][price]=x&items[2][price]=y",
        None,
        "items",
        "`0`, `2`, we expected to have a key with the value `1`.",
    ),
    ("tags[00]=x", None, "tags", "`00`, we expected to have a key with the value `0`."),
    ("description[a]=b", None, "description", r#"Invalid string: {"a":"b"}"#),
    ("description[]=a", None, "description", r#"Invalid string: ["a"]"#),
    ("status[a]=b", None, "status", r#"Invalid string: {"a":"b"}"#),
    ("tags[0][a]=b", None, "tags[0]", r#"Invalid string: {"a":"b"}"#),
    ("codes[]=abcd", None, "codes[0]", "Invalid string: abcd; must be at most 3 characters"),
    ("shipping=x", None, "shipping", "Invalid object"),
    ("shipping[]=x", None, "shipping", "Invalid object"),
    ("metadata=x", None, "metadata", "Invalid object"),
    ("metadata[]=x", None, "metadata", "Invalid object"),
    ("metadata[a][b]=1", None, "metadata[a]", r#"Invalid string: {"b":"1"}"#),
    ("ip=1.2.3", None, "ip", "Invalid IP address: 1.2.3"),
    ("email=a@b", Some("email_invalid"), "email", "Invalid email address: a@b"),
    ("shipping[quantity]=1", Some("parameter_missing"), "shipping[price]", MISSING),
    ("items[][quantity]=1", Some("parameter_missing"), "items[0][price]", MISSING),
    ("type=", EMPTY, "type", CANNOT_BE_UNSET),
    ("status=", EMPTY, "status", CANNOT_BE_UNSET),
    ("items=", EMPTY, "items", CANNOT_BE_UNSET),
    ("items[]=", EMPTY, "items", CANNOT_BE_UNSET),
    ("tags[]=a&tags[]=", EMPTY, "tags[1]", CANNOT_BE_UNSET),
    (
        "type=+%09",
        Some("parameter_invalid_string_blank"),
        "type",
        "You passed a blank string for 'type'.",
    ),
    ("type=a&rail=ach", None, "type", "You may only specify one of these parameters: type, rail."),
];

#[test]
fn platform_20_to_35_refusals_name_type_code_and_path() {
    for (form, code, param, message) in REFUSALS {
        let error = create(form).unwrap_err();
        let message = match message.starts_with('`') {
            true => format!("{KEYS}{message}"),
            false => message.replace("<P>", param),
        };
        assert_eq!(error.message, message, "{form}");
        assert_eq!((error.status, error.code), (400, *code), "{form}");
        assert_eq!(error.param.as_deref(), Some(*param), "{form}");
        assert_eq!(error.kind.as_str(), "invalid_request_error");
    }
}

#[test]
fn platform_19_and_27_a_required_parameter_must_be_there() {
    let error = parse::<Create>("currency=usd").unwrap_err();
    assert_eq!(error.code, Some("parameter_missing"));
    assert_eq!(error.message, "Missing required param: amount.");
    assert_eq!(error.param.as_deref(), Some("amount"));
}

#[test]
fn the_worst_error_is_told() {
    // From the best to the worst: each addition takes over.
    let steps = [
        ("type=a&rail=ach", "You may only specify one"),
        ("shipping[quantity]=1", "Missing required param: shipping[price]."),
        ("codes=", "You passed an empty string for 'codes'."),
        ("final=1", "Invalid boolean: 1"),
        ("shipping[nope]=1", "Received unknown parameter: shipping[nope]"),
        ("nope=1", "Received unknown parameters: nope, shipping[nope]"),
    ];
    let mut form = String::new();
    for (more, expected) in steps {
        form = format!("{form}&{more}");
        let error = create(&form).unwrap_err();
        assert!(error.message.starts_with(expected), "{form}: {}", error.message);
    }
    // Among equals it is the one declared first, wherever it was sent.
    let error = create("limit=x&final=x&amount=x").unwrap_err();
    assert_eq!(error.param.as_deref(), Some("amount"));
}

#[test]
fn platform_24_page_sizes_are_moved_into_their_range() {
    let limits = [("0", 1), ("-1", 1), ("1", 1), ("100", 100), ("101", 100), ("+7", 7)]
        .into_iter()
        .chain([("99999999999999999999", 100), ("-99999999999999999999", 1)]);
    for (sent, limit) in limits {
        let form = format!("limit={}", sent.replace('+', "%2B"));
        assert_eq!(create(&form).unwrap().list.limit, limit, "{sent}");
    }
    let list = create("starting_after=a&ending_before=b").unwrap().list;
    assert_eq!((list.limit, list.starting_after.as_deref()), (10, Some("a")));
    let both =
        "Received both starting_after and ending_before parameters. Please pass in only one.";
    assert_eq!(list.check_cursors().unwrap_err().message, both);
    assert_eq!(ListParams::default().check_cursors(), Ok(()));
}

#[test]
fn platform_30_and_31_currencies_have_any_case_and_a_list() {
    let error = parse::<Create>("amount=1&currency=xyz").unwrap_err();
    let start = "Invalid currency: xyz. Stripe currently supports these currencies: usd, aed, ";
    assert!(error.message.starts_with(start) && error.message.ends_with(", sll, mro"));
    assert_eq!((error.code, error.param.as_deref()), (None, Some("currency")));
    assert_eq!(parse::<Create>("amount=1&currency=USD").unwrap().currency.as_str(), "usd");
}

#[test]
fn platform_32_expand_is_an_array_that_every_operation_knows() {
    let expand = |form: &str| {
        let mut bag = Bag::parse(form, b"").unwrap();
        read_one::<Expand>("expand", bag.take("expand").as_ref())
    };
    let error = expand("expand=foo").unwrap_err();
    assert_eq!((error.message.as_str(), error.param.as_deref()), ("Invalid array", Some("expand")));
    assert_eq!(expand("expand=").unwrap_err().code, Some("parameter_invalid_empty"));
    let error = expand("expand[]=a&expand[][b]=c").unwrap_err();
    assert_eq!(error.param.as_deref(), Some("expand[1]"));
    assert_eq!(expand("expand[]=a&expand[]=b"), Ok(Expand(vec!["a".into(), "b".into()])));
    assert_eq!(expand(""), Ok(Expand(vec![])));
    assert_eq!(parse::<NoParams>("expand[]=a"), Ok(NoParams));
    assert!(parse::<NoParams>("a=1").is_err());
    assert!(create("shipping[price]=p&shipping[expand]=1").is_err());
}

#[test]
fn platform_35_strings_end_at_5000_characters() {
    let long = |count: usize| format!("type={}", "%C3%A9".repeat(count));
    assert!(create(&long(5_000)).is_ok());
    let error = create(&long(5_001)).unwrap_err();
    let shown = "Invalid string: éééééééééé...éééééééééé; must be at most 5000 characters";
    assert_eq!((error.message.as_str(), error.code), (shown, None));
    assert!(create(&format!("description={}", "a".repeat(40))).is_ok());
    let error = create(&format!("description={}", "a".repeat(41))).unwrap_err();
    assert!(error.message.ends_with("; must be at most 40 characters"));
}

#[test]
fn platform_39_and_40_spellings_have_the_same_effect() {
    let plain = create("tags[]=1&tags[]=2&items[][price]=p&items[][quantity]=2").unwrap();
    let numbered = "tags%5B1%5D=2&tags[0]=1&items[0][quantity]=2&items[0]%5bprice%5d=p";
    assert_eq!(create(numbered).unwrap(), plain);
    assert_eq!(plain.tags, Unset::Set(vec!["1".into(), "2".into()]));
    assert_eq!(plain.items, Some(vec![Item { price: "p".into(), quantity: Some(2) }]));
}

#[test]
fn values_are_read() {
    let form = "status=shut&type=t&final=true&at=-5&ip=::1&email=a.b%2Bc@x-y.example.com&only=one";
    let read = create(form).unwrap();
    assert_eq!((read.status, read.kind.as_deref()), (Some(Status::Closed), Some("t")));
    assert_eq!((read.r#final, read.at), (Some(true), Some(Timestamp(-5))));
    assert_eq!(read.ip, Some(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
    assert_eq!(read.email.as_ref().map(Email::as_str), Some("a.b+c@x-y.example.com"));
    assert_eq!((read.amount, read.metadata, read.created), (100, Metadata::Keep, None));
    assert_eq!((read.note, read.tags, read.shipping), (Unset::Keep, Unset::Keep, Unset::Keep));
}

#[test]
fn parameters_can_be_unset() {
    for form in ["note=&tags=&shipping=&metadata=", "note&tags[]=&shipping&metadata", "tags[0]="] {
        let read = create(form).unwrap();
        assert_eq!(read.tags, Unset::Clear, "{form}");
        assert!(form.starts_with("tags") || read.note == Unset::Clear);
        assert!(form.starts_with("tags") || read.shipping == Unset::Clear);
    }
    assert_eq!(create("note=x").unwrap().note, Unset::Set("x".to_owned()));
    // A hash that numbers its keys is no empty array.
    assert!(create("shipping[0]=").is_err());

    let after = |unset: Unset<i64>| {
        let mut value = Some(1);
        unset.apply(&mut value);
        value
    };
    assert_eq!(
        [after(Unset::Keep), after(Unset::Clear), after(Unset::Set(2))],
        [Some(1), None, Some(2)]
    );
}

#[test]
fn emails_are_plausible() {
    for wrong in ["a", "@b.co", "a@b", "a@.co", "a@b..co", "a b@c.de", "a@b@c.de", "a@-b.co"] {
        let encoded = wrong.replace(' ', "+");
        assert!(create(&format!("email={encoded}")).is_err(), "{wrong}");
    }
}

#[test]
fn fields_describe_themselves() {
    let fields = Create::fields();
    let field = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
    assert_eq!(field("amount").doc, "How much, in the smallest unit.\nNever negative.");
    assert!(matches!((field("amount").kind)(), Kind::Integer { min: Some(1), max: Some(_) }));
    assert!(matches!((field("description").kind)(), Kind::String { max: 40 }));
    assert!(matches!((field("type").kind)(), Kind::String { max: 5_000 }));
    assert!(matches!((field("status").kind)(), Kind::Enum(&["open", "in_transit", "shut"])));
    let Kind::Array(item) = (field("codes").kind)() else { panic!("codes is an array") };
    assert!(matches!(*item, Kind::String { max: 3 }));
    let Kind::Hash(inner) = (field("shipping").kind)() else { panic!("shipping is a hash") };
    assert_eq!(inner().iter().map(|field| field.name).collect::<Vec<_>>(), ["price", "quantity"]);
    let required: Vec<_> =
        fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    assert_eq!(required, ["amount", "currency"]);
    assert!(fields.iter().all(|field| Create::has_field(field.name)));
    assert!(Create::has_field("starting_after") && !Create::has_field("list"));
}

#[test]
fn choices_are_their_wire_names() {
    assert_eq!(Status::NAMES, ["open", "in_transit", "shut"]);
    for status in [Status::Open, Status::InTransit, Status::Closed] {
        assert_eq!(Status::parse(status.as_str()), Some(status));
        let stored = serde_json::to_string(&status).unwrap();
        assert_eq!(stored, format!("\"{}\"", status.as_str()));
        assert_eq!(serde_json::from_str::<Status>(&stored).unwrap(), status);
        assert_eq!(Json::from(status), Json::from(status.as_str()));
    }
    assert!(serde_json::from_str::<Status>("\"closed\"").is_err());
}

#[test]
fn platform_56_ranges_combine() {
    let range = |form: &str| create(form).unwrap().created.unwrap();
    let exact = range("created=5");
    assert_eq!((exact.bounds(), exact.contains(5)), ((Some(5), Some(5)), true));
    let open = range("created[gte]=5&created[lt]=6");
    assert_eq!(open.bounds(), (Some(5), Some(5)));
    assert_eq!(range("created[gt]=5").bounds(), (Some(6), None));
    assert_eq!(range("created[lte]=5&created[gt]=-1").bounds(), (Some(0), Some(5)));
    assert!(!range("created[gt]=9223372036854775807").contains(i64::MAX));
    assert!(!range("created[lt]=-9223372036854775808").contains(i64::MIN));
}

/// Forms that mean almost something to `Create`.
fn forms() -> impl Strategy<Value = String> {
    let names = Create::fields().into_iter().map(|field| field.name).collect::<Vec<_>>();
    let value = prop_oneof![
        Just(String::new()),
        "[0-9a-z]{1,3}",
        "-?[0-9]{1,20}",
        "[a-c]@[a-c.]{1,3}",
        any::<String>(),
        prop::sample::select(vec!["usd", "open", "ach", "true", "::1"]).prop_map(str::to_owned),
    ];
    let bracket = prop_oneof!["\\[[0-2]?\\]", "\\[(price|quantity|gt|lte|nope)\\]"];
    let pair = (prop::sample::select(names), vec(bracket, 0..3), value)
        .prop_map(|(name, brackets, value)| format!("{name}{}={value}", brackets.concat()));
    vec(pair, 0..8).prop_map(|pairs| pairs.join("&"))
}

proptest! {
    #[test]
    fn no_form_makes_it_panic(form in forms()) {
        for form in [form.clone(), format!("amount=1&currency=usd&{form}")] {
            if let Err(error) = parse::<Create>(&form) {
                prop_assert_eq!(error.status, 400);
                prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..60)) {
        if let Ok(bag) = Bag::parse("", &bytes) {
            prop_assert!(bag.root.is_empty() || read::<NoParams>(&bag).is_err());
        }
    }

    #[test]
    fn integers_are_read_exactly(value in any::<i64>()) {
        let node = Node::Scalar(value.to_string());
        prop_assert_eq!(read_one::<i64>("n", Some(&node)), Ok(value));
    }

    #[test]
    fn a_range_contains_what_its_parts_allow(
        parts in prop::array::uniform5(prop::option::weighted(0.4, -3i64..4)),
        value in -5i64..6,
    ) {
        let [exact, gt, gte, lt, lte] = parts;
        let expected = exact.is_none_or(|x| value == x)
            && gt.is_none_or(|x| value > x)
            && gte.is_none_or(|x| value >= x)
            && lt.is_none_or(|x| value < x)
            && lte.is_none_or(|x| value <= x);
        prop_assert_eq!(Range { exact, gt, gte, lt, lte }.contains(value), expected);
    }
}
