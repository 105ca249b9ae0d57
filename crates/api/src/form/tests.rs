//! Rules of the grammar, and what holds for every tree.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn parse(form: &str) -> Bag {
    Bag::parse("", form.as_bytes()).unwrap()
}

fn json(form: &str) -> String {
    hash_to_json(&parse(form).root).compact()
}

fn canonical(bag: &Bag) -> Vec<u8> {
    let mut bytes = Vec::new();
    bag.canonical(&mut bytes);
    bytes
}

fn refusal(form: &[u8]) -> String {
    let error = Bag::parse("", form).unwrap_err();
    assert_eq!((error.status, error.code), (400, None));
    error.message
}

#[test]
fn forms_become_trees() {
    let table = [
        ("", "{}"),
        ("a=b", r#"{"a":"b"}"#),
        ("a=b+c%2B%C3%A9&", r#"{"a":"b c+é"}"#),
        ("a=b=c", r#"{"a":"b=c"}"#),
        ("a", r#"{"a":""}"#),
        ("a=", r#"{"a":""}"#),
        ("=x&&a=1", r#"{"a":"1"}"#),
        ("a=100%&b=%zz", r#"{"a":"100%","b":"%zz"}"#),
        ("a[b][c]=v&a[b][d]=w", r#"{"a":{"b":{"c":"v","d":"w"}}}"#),
        ("a%5Bb%5D%5bc%5d=v", r#"{"a":{"b":{"c":"v"}}}"#),
        ("a[]=x&a[]=y", r#"{"a":["x","y"]}"#),
        ("a[0]=x&a[1]=y", r#"{"a":{"0":"x","1":"y"}}"#),
        ("a[0][k]=v", r#"{"a":{"0":{"k":"v"}}}"#),
        ("a[]=", r#"{"a":[""]}"#),
        // The same element until a value would be set twice.
        ("a[][k]=1&a[][j]=2&a[][k]=3", r#"{"a":[{"k":"1","j":"2"},{"k":"3"}]}"#),
        ("a[][k][]=1&a[][k][]=2", r#"{"a":[{"k":["1","2"]}]}"#),
        ("a[][k][x]=1&a[][k][y]=2", r#"{"a":[{"k":{"x":"1","y":"2"}}]}"#),
        ("a[][k][x]=1&a[][k][x]=2", r#"{"a":[{"k":{"x":"1"}},{"k":{"x":"2"}}]}"#),
        ("a=1&a=2", r#"{"a":"2"}"#),
        ("a[b]=1&a[b]=2", r#"{"a":{"b":"2"}}"#),
        // Brackets that do not pair up are part of the name.
        ("a[b=1&[c]=2&a[[d]]=3&a[e]f=4", r#"{"a[b":"1","[c]":"2","a[[d]]":"3","a[e]f":"4"}"#),
    ];
    for (form, expected) in table {
        assert_eq!(json(form), expected, "{form}");
    }
}

#[test]
fn the_body_wins_over_the_query() {
    let bag = Bag::parse("a=1&b[x]=1&c=3", b"b[y]=2&a=2").unwrap();
    assert_eq!(hash_to_json(&bag.root).compact(), r#"{"c":"3","b":{"y":"2"},"a":"2"}"#);
}

#[test]
fn pairs_are_taken_as_they_are() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let bag = Bag::from_pairs([pair("a[b]", "x+%41"), pair("c", "")]).unwrap();
    assert_eq!(hash_to_json(&bag.root).compact(), r#"{"a":{"b":"x+%41"},"c":""}"#);
}

#[test]
fn parameters_can_be_taken_out() {
    let mut bag = parse("a=1&b=2");
    assert_eq!(bag.get("b"), Some(&Node::Scalar("2".into())));
    assert_eq!(bag.take("a"), Some(Node::Scalar("1".into())));
    assert_eq!((bag.take("a"), bag), (None, parse("b=2")));
}

#[test]
fn two_shapes_under_one_name_are_refused() {
    for form in [
        "a=1&a[b]=2",
        "a[b]=2&a=1",
        "a=1&a[]=2",
        "a[]=1&a[0]=2",
        "a[0]=1&a[]=2",
        "a[b]=1&a[b][c]=2",
        "a[][k]=1&a[][k][j]=2",
    ] {
        let error = Bag::parse("", form.as_bytes()).unwrap_err();
        assert!(error.message.contains("'a' was passed in more than one shape"), "{form}");
        assert_eq!((error.status, error.param.as_deref()), (400, Some("a")), "{form}");
    }
}

#[test]
fn limits_are_refused_one_past_them() {
    let many = |count: usize| vec!["a[]=1"; count].join("&");
    assert!(Bag::parse("", many(limits::PARAMETERS_MAX).as_bytes()).is_ok());
    let refused = Bag::parse("b=1", many(limits::PARAMETERS_MAX).as_bytes()).unwrap_err();
    assert_eq!(refused.message, "Invalid request: you can pass up to 1000 parameters.");
    let pairs = (0..=limits::PARAMETERS_MAX).map(|at| (format!("a{at}"), String::new()));
    assert_eq!(Bag::from_pairs(pairs).unwrap_err(), refused);

    let deep = |depth: usize| format!("a{}=1", "[b]".repeat(depth)).into_bytes();
    assert!(Bag::parse("", &deep(limits::DEPTH_MAX)).is_ok());
    assert!(refusal(&deep(limits::DEPTH_MAX + 1)).ends_with("nested up to 10 levels deep."));

    let long = |bytes: usize| format!("{}=1", "a".repeat(bytes)).into_bytes();
    assert!(Bag::parse("", &long(limits::NAME_BYTES_MAX)).is_ok());
    assert!(refusal(&long(limits::NAME_BYTES_MAX + 1)).contains("up to 1000 bytes"));
}

#[test]
fn text_is_utf_8_without_nul() {
    assert!(refusal(b"a=\xff").ends_with("must be valid UTF-8."));
    assert!(refusal(b"a=%ff").ends_with("must be valid UTF-8."));
    assert!(refusal(b"%ff=1").ends_with("must be valid UTF-8."));
    assert!(refusal(b"a=%00").ends_with("NUL characters."));
    assert!(refusal(b"a[\0]=1").ends_with("NUL characters."));
    assert_eq!(parse("a=%01%0A").get("a"), Some(&Node::Scalar("\u{1}\n".into())));
}

#[test]
fn equal_meaning_has_one_spelling_and_other_meaning_another() {
    let twelve = |bracket: fn(usize) -> String| {
        (0..12).map(|at| format!("a{}=v{at}", bracket(at))).collect::<Vec<_>>().join("&")
    };
    let same = [
        ("a[]=x&a[]=y", "a[1]=y&a[0]=x"),
        ("a[][k]=1&a[][j]=2&a[][k]=3", "a[1][k]=3&a[0][j]=2&a[0][k]=1"),
        ("a=1&b[c]=2&b[d]=3", "b%5Bd%5D=3&b[c]=%32&a=1"),
        (&twelve(|_| "[]".to_owned()), &twelve(|at| format!("[{at}]"))),
    ];
    for (one, other) in same {
        assert_eq!(canonical(&parse(one)), canonical(&parse(other)), "{one} and {other}");
    }
    let different = [
        ("a[]=x&a[]=y", "a[]=y&a[]=x"),
        ("a[0]=x", "a[1]=x"),
        ("a[0]=x", "a[00]=x"),
        ("a[0]=x", "a=x"),
        ("a=1", "a=1&b="),
        ("a=", ""),
        ("a=b&c=d", "a=bc&d="),
        ("a[b]=1", "a%5Bb=1"),
    ];
    for (one, other) in different {
        assert_ne!(canonical(&parse(one)), canonical(&parse(other)), "{one} and {other}");
    }
}

/// How an encoder writes arrays.
#[derive(Clone, Copy)]
enum Arrays {
    Plain,
    Numbered,
}

fn encode(bag: &Bag, arrays: Arrays) -> Vec<String> {
    fn walk(name: String, node: &Node, arrays: Arrays, out: &mut Vec<String>) {
        const SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'[').remove(b']');
        match node {
            Node::Scalar(text) => {
                let value = utf8_percent_encode(text, NON_ALPHANUMERIC);
                out.push(format!("{}={value}", utf8_percent_encode(&name, SET)));
            }
            Node::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    let bracket = match arrays {
                        Arrays::Plain => String::new(),
                        Arrays::Numbered => at.to_string(),
                    };
                    walk(format!("{name}[{bracket}]"), item, arrays, out);
                }
            }
            Node::Hash(members) => {
                for (key, node) in members {
                    walk(format!("{name}[{key}]"), node, arrays, out);
                }
            }
        }
    }
    let mut out = Vec::new();
    for (name, node) in &bag.root {
        walk(name.clone(), node, arrays, &mut out);
    }
    out
}

/// Any tree that a form can say. Arrays hold strings: `a[][k]` has no encoding that keeps elements
/// apart in general.
fn trees() -> impl Strategy<Value = Bag> {
    trees_of("[^\\[\\]\\x00]{1,6}", "[^\\x00]{0,12}")
}

fn trees_of(key: &'static str, text: &'static str) -> impl Strategy<Value = Bag> {
    let leaf = prop_oneof![
        3 => text.prop_map(Node::Scalar),
        1 => vec(text.prop_map(Node::Scalar), 1..13).prop_map(Node::List),
    ];
    let node = leaf.prop_recursive(4, 48, 4, move |inner| {
        btree_map(key, inner, 1..5).prop_map(|map| Node::Hash(map.into_iter().collect()))
    });
    btree_map(key, node, 0..5)
        .prop_map(|map: BTreeMap<String, Node>| Bag { root: map.into_iter().collect() })
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(bag in trees()) {
        let form = encode(&bag, Arrays::Plain).join("&");
        prop_assert_eq!(Bag::parse("", form.as_bytes()), Ok(bag));
    }

    #[test]
    fn numbering_and_order_do_not_change_the_canonical_spelling(
        (bag, pairs) in trees().prop_flat_map(|bag| {
            let pairs = encode(&bag, Arrays::Numbered);
            (Just(bag), Just(pairs).prop_shuffle())
        }),
    ) {
        let other = Bag::parse(&pairs.join("&"), b"").unwrap();
        prop_assert_eq!(canonical(&bag), canonical(&other));
    }

    #[test]
    fn trees_that_differ_differ_canonically(
        // Few letters, so that many are nearly the same.
        one in trees_of("[ab]", "[ab]{0,1}"),
        other in trees_of("[ab]", "[ab]{0,1}"),
    ) {
        prop_assert_eq!(one == other, canonical(&one) == canonical(&other));
    }

    #[test]
    fn no_bytes_make_it_panic(
        query in "[ab\\[\\]&=%0-3+]{0,40}",
        body in vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"ab[]&=%+015B".to_vec())],
            0..80,
        ),
    ) {
        if let Ok(bag) = Bag::parse(&query, &body) {
            canonical(&bag);
        }
    }
}
