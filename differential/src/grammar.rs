//! What requests may look like: the real server's own COMMAND DOCS, read as a grammar.
//!
//! Each argument of each command has a number, by which the report knows what has been tried.

use std::collections::BTreeMap;

use seawall::protocol::client::Value;

/// An argument, or a choice or block of arguments.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its number in the whole grammar.
    pub id: usize,
    /// Its name in the documentation.
    pub name: String,
    /// `key`, `integer`, `oneof`, `block`, `pure-token`, ...
    pub kind: String,
    /// A word before it, or the word that it is.
    pub token: Option<String>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// The token is repeated with it.
    pub multiple_token: bool,
    /// Its parts.
    pub parts: Vec<Argument>,
}

/// One command or sub-command.
#[derive(Clone, Debug)]
pub struct Form {
    /// The words of its name.
    pub name: Vec<String>,
    /// Its chapter.
    pub group: String,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

/// All forms.
#[derive(Default, Debug)]
pub struct Grammar {
    /// In the order of names.
    pub forms: Vec<Form>,
    /// What each numbered argument is, to name it: command and path.
    pub paths: Vec<String>,
}

impl Grammar {
    /// Reads a reply of COMMAND DOCS.
    pub fn read(docs: &Value) -> Grammar {
        let mut grammar = Grammar::default();
        let by_name: BTreeMap<String, BTreeMap<String, Value>> = pairs(docs)
            .into_iter()
            .map(|(name, facts)| (name, pairs(&facts).into_iter().collect()))
            .collect();
        for (name, facts) in by_name {
            grammar.add(&name, &facts);
        }
        grammar
    }

    fn add(&mut self, name: &str, facts: &BTreeMap<String, Value>) {
        if let Some(subcommands) = facts.get("subcommands") {
            for (name, facts) in pairs(subcommands) {
                self.add(&name, &pairs(&facts).into_iter().collect());
            }
            return;
        }
        let arguments = facts.get("arguments").map(|list| self.arguments(list, name)).unwrap_or_default();
        let group = facts.get("group").map(word).unwrap_or_default();
        let name = name.split('|').map(str::to_owned).collect();
        self.forms.push(Form { name, group, arguments });
    }

    fn arguments(&mut self, list: &Value, path: &str) -> Vec<Argument> {
        let list = list.as_values().unwrap_or_default();
        list.iter().map(|facts| self.argument(&pairs(facts).into_iter().collect(), path)).collect()
    }

    fn argument(&mut self, facts: &BTreeMap<String, Value>, path: &str) -> Argument {
        let text = |name: &str| facts.get(name).map(word);
        let flags: Vec<String> =
            facts.get("flags").and_then(Value::as_values).unwrap_or_default().iter().map(word).collect();
        let has = |flag: &str| flags.iter().any(|f| f == flag);
        let name = text("name").unwrap_or_default();
        let path = format!("{path} {}", text("token").unwrap_or_else(|| name.clone()));
        let id = self.paths.len();
        self.paths.push(path.clone());
        let parts = facts.get("arguments").map(|list| self.arguments(list, &path)).unwrap_or_default();
        Argument {
            id,
            name,
            kind: text("type").unwrap_or_default(),
            token: text("token"),
            optional: has("optional"),
            multiple: has("multiple"),
            multiple_token: has("multiple_token"),
            parts,
        }
    }
}

fn word(value: &Value) -> String {
    String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned()
}

/// The pairs of a map, as either protocol writes it.
fn pairs(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Map(pairs) => pairs.iter().map(|(key, value)| (word(key), value.clone())).collect(),
        Value::Array(flat) => flat.chunks_exact(2).map(|pair| (word(&pair[0]), pair[1].clone())).collect(),
        _ => Vec::new(),
    }
}
