//! Random manifests: one object in many spellings.

use serde_json::{Map, Value, json};

/// The numbers that make the random choices, in order, and then only zeros. Shrinking leaves
/// few of them, so 0 is always the simplest choice.
#[derive(Debug)]
pub(super) struct Dice {
    numbers: Vec<u8>,
    next: usize,
    comments: usize,
}

impl Dice {
    pub(super) fn new(numbers: Vec<u8>) -> Self {
        Self {
            numbers,
            next: 0,
            comments: 0,
        }
    }

    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        let number = self.numbers.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        usize::from(number) * sides / 256
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    fn chance(&mut self) -> bool {
        self.roll(4) == 3
    }

    /// A comment at the end of a line, with a unique number.
    fn line_comment(&mut self) -> String {
        if self.chance() {
            self.comments += 1;
            return format!("  # beside {} é \"'{{", self.comments);
        }
        String::new()
    }
}

/// A text and its objects.
pub(super) struct Manifest {
    pub(super) text: String,
    pub(super) objects: Vec<Value>,
}

const KEYS: &[&str] = &[
    "fluxcd.io/automated",
    "a",
    "fluxcd.io/tag.app",
    "réglé/x",
    "-",
];
const VALUES: &[&str] = &[
    "true",
    "semver:^1.2",
    "",
    "1.10",
    "it's",
    "\"",
    "a\nb\n",
    "\n",
    "x: y",
    "{\"a\": [\"b\"]}",
    "*x",
    " #",
    "é☃😀",
    "text\n\nmore",
    "<<",
    "no",
    "\\",
    "a # b",
    "- x",
];
const IMAGES: &[&str] = &[
    "org/app:1.0.0",
    "redis",
    "registry.example:5000/org/app@sha256:00",
    "1.10",
];

fn object(dice: &mut Dice) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!("web"));
    if dice.chance() {
        metadata.insert("labels".to_owned(), json!({"app": "web", "tier": "1"}));
    }
    match dice.roll(5) {
        0 => {}
        1 => drop(metadata.insert("annotations".to_owned(), json!({}))),
        2 => drop(metadata.insert("annotations".to_owned(), Value::Null)),
        count => {
            let mut annotations = Map::new();
            for _ in 2..count + dice.roll(3) {
                let key = dice.pick(KEYS).to_owned();
                annotations.insert(key, Value::from(dice.pick(VALUES)));
            }
            metadata.insert("annotations".to_owned(), Value::Object(annotations));
        }
    }
    if dice.chance() {
        metadata.insert("finalizers".to_owned(), json!(["x/y", "z"]));
    }
    let containers: Vec<Value> = (0..=dice.roll(3))
        .map(|n| json!({"name": format!("c{n}"), "image": dice.pick(IMAGES), "args": ["-v", "a: b"]}))
        .collect();
    let mut object = json!({"kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}}});
    if dice.chance() {
        object
            .as_object_mut()
            .expect("a mapping")
            .shift_remove("metadata");
    }
    object
}

pub(super) fn manifest(dice: &mut Dice) -> Manifest {
    let mut text = String::new();
    let mut objects = Vec::new();
    for index in 0..=dice.roll(3) {
        if index > 0 || dice.chance() {
            let markers = [
                "---\n",
                "--- # next\n",
                "...\n---\n",
                "...\n# é\n%YAML 1.2\n---\n",
            ];
            // Neither JSON nor an empty text has an end marker.
            let has_end = index > 0 && !text.ends_with("}\n");
            text += markers[dice.roll(if has_end { 4 } else { 2 })];
        }
        document(dice, &mut text, &mut objects);
    }
    if dice.chance() {
        text.truncate(text.trim_end().len());
    }
    if dice.chance() {
        text = text.replace('\n', "\r\n");
    }
    if dice.chance() {
        text.insert(0, '\u{feff}');
    }
    Manifest { text, objects }
}

fn document(dice: &mut Dice, text: &mut String, objects: &mut Vec<Value>) {
    let is_list = dice.chance();
    let items: Vec<Value> = (0..if is_list { 2 } else { 1 })
        .map(|_| object(dice))
        .collect();
    let root = if is_list {
        json!({"kind": "List", "items": items})
    } else {
        items[0].clone()
    };
    objects.extend(items);
    match dice.roll(6) {
        0..4 => {
            let unit = 2 + dice.roll(3);
            block(dice, &root, 0, unit, text);
        }
        4 => *text += &format!("{root}\n"),
        _ => *text += &format!("{}\n", serde_json::to_string_pretty(&root).expect("JSON")),
    }
}

/// Writes the lines of a mapping.
fn block(dice: &mut Dice, value: &Value, column: usize, unit: usize, text: &mut String) {
    let indentation = " ".repeat(column);
    for (index, (key, value)) in value.as_object().expect("a mapping").iter().enumerate() {
        // The first key of an item is on the line of its dash.
        if index > 0 || !text.ends_with("- ") {
            if dice.chance() {
                dice.comments += 1;
                *text += &format!("{indentation}# own {} ☃: '\n", dice.comments);
            }
            *text += &indentation;
        }
        *text += &quoted(dice, key, false);
        *text += ":";
        let is_filled = |value: &Value| value.as_object().is_none_or(|inner| !inner.is_empty());
        match value {
            Value::Object(_) if is_filled(value) && !dice.chance() => {
                *text += &format!("{}\n", dice.line_comment());
                block(dice, value, column + unit, unit, text);
            }
            Value::Array(items) if items.iter().all(Value::is_object) => {
                *text += &format!("{}\n", dice.line_comment());
                let column = column + [unit, 0][dice.roll(2)];
                for item in items {
                    *text += &format!("{}- ", " ".repeat(column));
                    block(dice, item, column + 2, unit, text);
                }
            }
            Value::String(value)
                if value.contains('\n') && !value.starts_with('\n') && dice.chance() =>
            {
                literal(value, column + unit, text);
            }
            Value::Null => {
                *text += ["", " null", " ~", "   "][dice.roll(4)];
                *text += &format!("{}\n", dice.line_comment());
            }
            value => {
                let blanks = [" ", "   "][dice.roll(2)];
                *text += &format!("{blanks}{}{}\n", flow(dice, value), dice.line_comment());
            }
        }
        if dice.chance() {
            *text += ["\n", "  \n", "\n\n"][dice.roll(3)];
        }
    }
}

/// Writes a string as a literal block scalar.
fn literal(value: &str, column: usize, text: &mut String) {
    let chomping = if value.ends_with('\n') { "" } else { "-" };
    *text += &format!(" |{chomping}\n");
    for line in value.lines() {
        *text += &format!(
            "{}{line}\n",
            " ".repeat(if line.is_empty() { 0 } else { column })
        );
    }
}

/// A value on one line.
fn flow(dice: &mut Dice, value: &Value) -> String {
    match value {
        Value::String(text) => quoted(dice, text, true),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(dice, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(object) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{}: {}", quoted(dice, key, false), flow(dice, value))
            };
            let entries: Vec<String> = object.iter().map(entry).collect();
            match dice.roll(3) {
                0 => format!("{{{}}}", entries.join(", ")),
                1 => format!("{{ {} }}", entries.join(" , ")),
                _ if entries.is_empty() => "{}".to_owned(),
                _ => format!("{{{},}}", entries.join(",")),
            }
        }
        value => value.to_string(),
    }
}

fn quoted(dice: &mut Dice, text: &str, is_value: bool) -> String {
    let is_word = |c: char| c.is_alphabetic() || matches!(c, '/' | '.');
    let is_plain = text.starts_with(char::is_alphabetic)
        && text
            .chars()
            .all(|c| is_word(c) || matches!(c, ':' | '^' | '-') || c.is_ascii_digit())
        && !["true", "no"].contains(&text);
    match dice.roll(3) {
        0 if is_plain => text.to_owned(),
        0 | 1 if !text.contains('\n') && (is_value || dice.chance()) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        _ => Value::from(text).to_string(),
    }
}
