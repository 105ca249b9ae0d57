//! The form grammar of the API: text to a tree of names and strings. Nothing is typed yet.
//!
//! `a=1`, `a[b][c]=1`, `a[]=1&a[]=2`, `a[0]=1&a[1]=2` and `a[][k]=1&a[][j]=2` all occur: the SDKs
//! number their arrays, people with curl do not.

use percent_encoding::percent_decode;

use crate::error::ApiError;
use crate::json::Json;

/// How much one request may say. Beyond a limit the answer is a 400.
pub mod limits {
    /// Names with a value, in query and body together.
    pub const PARAMETERS_MAX: usize = 1_000;
    /// Brackets behind one name: `a[b][c]` has two.
    pub const DEPTH_MAX: usize = 10;
    /// Bytes of one name with its brackets, decoded.
    pub const NAME_BYTES_MAX: usize = 1_000;
}

/// What stands under a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Scalar(String),
    /// Sent as `a[]=x`.
    List(Vec<Node>),
    /// Sent as `a[k]=x`. With the keys `0`, `1`, … it is an array to whoever reads it as one.
    Hash(Vec<(String, Node)>),
}

impl Node {
    /// What was parsed, as error messages show it.
    pub fn to_json(&self) -> Json {
        match self {
            Node::Scalar(text) => text.into(),
            Node::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Node::Hash(members) => hash_to_json(members),
        }
    }

    fn canonical(&self, out: &mut Vec<u8>) {
        match self {
            Node::Scalar(text) => write_text(b's', text, out),
            Node::List(items) => write_list(items.iter(), out),
            Node::Hash(members) => match in_order(members) {
                Ok(items) => write_list(items.into_iter(), out),
                Err(_) => write_hash(members, out),
            },
        }
    }
}

pub(crate) fn hash_to_json(members: &[(String, Node)]) -> Json {
    Json::Object(members.iter().map(|(key, node)| (key.clone().into(), node.to_json())).collect())
}

/// The members of a hash as the array that its keys number. `Err` is the first number missing.
pub(crate) fn in_order(members: &[(String, Node)]) -> Result<Vec<&Node>, usize> {
    let mut places: Vec<Option<&Node>> = vec![None; members.len()];
    for (key, node) in members {
        if let Some(place) = array_index(key).and_then(|index| places.get_mut(index)) {
            *place = Some(node);
        }
    }
    places.into_iter().enumerate().map(|(index, place)| place.ok_or(index)).collect()
}

/// `7` is an index; `07`, `+7` and `x` are not.
fn array_index(key: &str) -> Option<usize> {
    let plain =
        key.bytes().all(|byte| byte.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    if plain { key.parse().ok() } else { None }
}

/// All parameters of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bag {
    pub root: Vec<(String, Node)>,
}

impl Bag {
    pub fn empty() -> Bag {
        Bag::default()
    }

    /// Query string and form body, both still encoded. Where both have a name the body's is taken.
    pub fn parse(query: &str, body: &[u8]) -> Result<Bag, ApiError> {
        let mut count = 0;
        let mut bag = Bag::decode(query.as_bytes(), &mut count)?;
        for (name, node) in Bag::decode(body, &mut count)?.root {
            bag.take(&name);
            bag.root.push((name, node));
        }
        Ok(bag)
    }

    /// Names and values already decoded, such as the parts of a multipart body.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Bag, ApiError> {
        let mut bag = Bag::empty();
        for (count, (name, value)) in pairs.into_iter().enumerate() {
            check_count(count + 1)?;
            bag.add(&name, value)?;
        }
        Ok(bag)
    }

    pub fn get(&self, name: &str) -> Option<&Node> {
        self.root.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    pub fn take(&mut self, name: &str) -> Option<Node> {
        let at = self.root.iter().position(|(key, _)| key == name)?;
        Some(self.root.remove(at).1)
    }

    /// Appends one spelling for all spellings that mean the same: `[]` or `[0]`, hash keys in any
    /// order, any encoding. Two requests are the same to idempotency when these bytes are.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        write_hash(&self.root, out);
    }

    fn decode(text: &[u8], count: &mut usize) -> Result<Bag, ApiError> {
        let mut bag = Bag::empty();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            *count += 1;
            check_count(*count)?;
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let name = decode_text(&pair[..equals])?;
            let value = decode_text(pair.get(equals + 1..).unwrap_or_default())?;
            bag.add(&name, value)?;
        }
        Ok(bag)
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), ApiError> {
        if name.len() > limits::NAME_BYTES_MAX {
            return Err(ApiError::invalid(format!(
                "Invalid request: a parameter's name can have up to {} bytes, but you passed one \
                 of {}.",
                limits::NAME_BYTES_MAX,
                name.len()
            )));
        }
        if name.contains('\0') || value.contains('\0') {
            let message = "Invalid request: parameters must not contain NUL characters.";
            return Err(ApiError::invalid(message));
        }
        let (name, steps) = split_name(name);
        if name.is_empty() {
            return Ok(());
        }
        if steps.len() > limits::DEPTH_MAX {
            return Err(ApiError::invalid(format!(
                "Invalid request: parameters can be nested up to {} levels deep.",
                limits::DEPTH_MAX
            ))
            .on(name));
        }
        insert(&mut self.root, name, &steps, value).map_err(|Clash| {
            ApiError::invalid(format!(
                "Invalid request: '{name}' was passed in more than one shape (as a value, an \
                 array or a hash)."
            ))
            .on(name)
        })
    }
}

fn check_count(count: usize) -> Result<(), ApiError> {
    if count <= limits::PARAMETERS_MAX {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Invalid request: you can pass up to {} parameters.",
        limits::PARAMETERS_MAX
    )))
}

fn decode_text(text: &[u8]) -> Result<String, ApiError> {
    let decoded = if text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        let spaced: Vec<u8> =
            text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced).collect()
    } else {
        text.to_vec()
    };
    let refusal = "Invalid request: parameters must be valid UTF-8.";
    String::from_utf8(decoded).map_err(|_| ApiError::invalid(refusal))
}

/// `a[b][]` is the name `a` with the steps `b` and nothing. A name whose brackets do not pair up
/// has no steps: it stands for itself, and is refused as unknown by whoever reads it.
fn split_name(name: &str) -> (&str, Vec<&str>) {
    let Some(bracket) = name.find('[').filter(|at| *at > 0) else { return (name, vec![]) };
    let mut steps = Vec::new();
    let mut rest = &name[bracket..];
    while !rest.is_empty() {
        let step = rest.strip_prefix('[').and_then(|inside| inside.split_once(']'));
        match step {
            Some((step, behind)) if !step.contains('[') => {
                steps.push(step);
                rest = behind;
            }
            _ => return (name, vec![]),
        }
    }
    (&name[..bracket], steps)
}

/// A name was used as a value and as a hash, say. To guess which was meant could lose money.
struct Clash;

fn insert(
    members: &mut Vec<(String, Node)>,
    key: &str,
    steps: &[&str],
    value: String,
) -> Result<(), Clash> {
    match members.iter_mut().find(|(other, _)| other == key) {
        Some((_, node)) => place(node, steps, value),
        None => {
            members.push((key.to_owned(), grow(steps, value)));
            Ok(())
        }
    }
}

fn place(node: &mut Node, steps: &[&str], value: String) -> Result<(), Clash> {
    match (node, steps) {
        (Node::Scalar(old), []) => *old = value,
        (Node::List(items), ["", inner @ ..]) => match items.last_mut() {
            Some(last) if is_same_element(last, inner) => return place(last, inner, value),
            _ => items.push(grow(inner, value)),
        },
        (Node::Hash(members), [key, inner @ ..]) if !key.is_empty() => {
            return insert(members, key, inner, value);
        }
        _ => return Err(Clash),
    }
    Ok(())
}

fn grow(steps: &[&str], value: String) -> Node {
    match steps {
        [] => Node::Scalar(value),
        ["", inner @ ..] => Node::List(vec![grow(inner, value)]),
        [key, inner @ ..] => Node::Hash(vec![((*key).to_owned(), grow(inner, value))]),
    }
}

/// `a[][k]=1&a[][j]=2&a[][k]=3`: a key goes into the array's last element until the same value
/// would be set twice; that begins the next element.
fn is_same_element(last: &Node, steps: &[&str]) -> bool {
    fn is_set(node: &Node, steps: &[&str]) -> bool {
        match (node, steps) {
            (_, []) => true,
            (Node::Hash(members), [key, inner @ ..]) if !key.is_empty() => {
                members.iter().any(|(other, node)| other == key && is_set(node, inner))
            }
            _ => false,
        }
    }
    matches!(last, Node::Hash(_))
        && matches!(steps, [key, ..] if !key.is_empty())
        && !is_set(last, steps)
}

/// Everything is written with its length in front, so that no value can imitate structure.
fn write_text(tag: u8, text: &str, out: &mut Vec<u8>) {
    write_count(tag, text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn write_count(tag: u8, count: usize, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&(count as u64).to_be_bytes());
}

fn write_list<'a>(items: impl ExactSizeIterator<Item = &'a Node>, out: &mut Vec<u8>) {
    write_count(b'l', items.len(), out);
    for item in items {
        item.canonical(out);
    }
}

fn write_hash(members: &[(String, Node)], out: &mut Vec<u8>) {
    let mut sorted: Vec<&(String, Node)> = members.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    write_count(b'h', sorted.len(), out);
    for (key, node) in sorted {
        write_text(b'k', key, out);
        node.canonical(out);
    }
}

#[cfg(test)]
mod tests;
