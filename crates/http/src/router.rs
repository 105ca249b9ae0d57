//! From method and path to the declared operation.

use api::App;
use api::operation::{Method, Operation, Path};
use matchit::Router as Tree;
use percent_encoding::percent_decode_str;

/// Where an operation stands among the declarations.
type Place = (usize, usize);

pub struct Router {
    trees: [Tree<Place>; 3],
}

fn slot(method: Method) -> usize {
    match method {
        Method::Get => 0,
        Method::Post => 1,
        Method::Delete => 2,
    }
}

impl Router {
    /// Two operations of one path are refused at the start.
    pub fn new(app: &App) -> Result<Router, String> {
        let mut trees: [Tree<Place>; 3] = Default::default();
        for (r, resource) in app.api.resources.iter().enumerate() {
            for (o, operation) in resource.operations.iter().enumerate() {
                let path = numbered(operation.path);
                trees[slot(operation.method)]
                    .insert(path, (r, o))
                    .map_err(|e| format!("{}: {e}", operation.path))?;
            }
        }
        Ok(Router { trees })
    }

    pub fn find<'a>(
        &self,
        app: &'a App,
        method: Method,
        path: &str,
    ) -> Option<(&'a Operation, Path)> {
        let found = self.trees[slot(method)].at(path).ok()?;
        let (resource, operation) = *found.value;
        let decode = |value: &str| percent_decode_str(value).decode_utf8_lossy().into_owned();
        let variables = found.params.iter().map(|(_, value)| decode(value)).collect();
        let operation = &app.api.resources[resource].operations[operation];
        Some((operation, Path { path: path.to_owned(), variables }))
    }
}

/// The path with its variables named by their place: the names of two declarations may differ.
fn numbered(path: &str) -> String {
    let mut count = 0;
    let part = |part: &str| {
        if !part.starts_with('{') {
            return part.to_owned();
        }
        count += 1;
        format!("{{p{count}}}")
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}
