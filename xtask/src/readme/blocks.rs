//! The code blocks of a Markdown text, as the steps of a reader who does what it says.

use crate::process::Outcome;

/// The command that runs us: the README shows it, and to follow it here would have no end.
const TESTS: &str = "cargo xtask test";

/// What to do, and where the text says so.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub line: usize,
    pub action: Action,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// A command that goes on until the end.
    Serve(String),
    Run(String),
    /// A program, named by the comment in its first line.
    Save {
        name: String,
        text: String,
    },
}

/// The steps, in order.
pub fn steps(text: &str) -> Outcome<Vec<Step>> {
    let mut steps = Vec::new();
    for Block { line, language, text } in blocks(text)? {
        let action = match language {
            "sh" if text.trim() == TESTS => continue,
            "sh" if is_serving(&text) => Action::Serve(text.trim().to_owned()),
            "sh" => Action::Run(text),
            "python" | "js" => {
                let name = name(&text)
                    .ok_or_else(|| format!("README.md:{line}: the first line names no file"))?;
                Action::Save { name, text }
            }
            _ => continue,
        };
        steps.push(Step { line, action });
    }
    Ok(steps)
}

fn is_serving(text: &str) -> bool {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or("");
    lines.next().is_none() && first.split(' ').any(|word| word == "serve")
}

/// `pay.py` from `# pay.py`.
fn name(text: &str) -> Option<String> {
    let first = text.lines().next()?;
    let name = first.strip_prefix("# ").or_else(|| first.strip_prefix("// "))?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}

struct Block<'a> {
    /// Of its first line of code.
    line: usize,
    language: &'a str,
    text: String,
}

fn blocks(text: &str) -> Outcome<Vec<Block<'_>>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(language)) => {
                let language = language.trim();
                open = Some(Block { line: number + 1, language, text: String::new() });
            }
            (None, None) => {}
        }
    }
    match open {
        Some(block) => Err(format!("README.md:{}: the code block has no end", block.line)),
        None => Ok(blocks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readers_steps_in_order() -> Outcome<()> {
        let text = "\
# Title
```sh
cargo run -- serve
```
```sh
cargo xtask test
```
```sh
one
two
```
```python
# pay.py
print()
```
```yaml
only: read
```
";
        let program = "# pay.py\nprint()\n".to_owned();
        let expected = [
            (3, Action::Serve("cargo run -- serve".into())),
            (9, Action::Run("one\ntwo\n".into())),
            (13, Action::Save { name: "pay.py".into(), text: program }),
        ];
        assert_eq!(steps(text)?, expected.map(|(line, action)| Step { line, action }));
        Ok(())
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        assert!(steps("```sh\nopen\n").is_err());
        assert!(steps("```js\nconsole.log()\n```\n").is_err());
        assert!(steps("```python\n# ../away.py\n```\n").is_err());
    }
}
