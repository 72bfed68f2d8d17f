//! Where Jinja2, which chat templates are written for, differs from minijinja.
use minijinja::value::{Value, ValueKind};

/// minijinja iterates over none as over an empty list; Jinja2 does not call it iterable.
pub fn is_iterable(value: &Value) -> bool {
    !value.is_none() && value.try_iter().is_ok()
}

/// Python's strings and mappings have a length and items, which is all that Jinja2 asks of a sequence.
pub fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map | ValueKind::Undefined)
}

/// `{% generation %}` marks the assistant's tokens for training and is Hugging Face's own; for rendering it is a
/// block with a scope, which `{% with %}` is.
pub fn replace_generation(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        out += before;
        rest = tag;
        let sign = if tag.starts_with(['-', '+']) { 1 } else { 0 };
        let word = tag[sign..].trim_start();
        for (name, replacement) in [("generation", "with"), ("endgeneration", "endwith")] {
            let Some(after) = word.strip_prefix(name) else { continue };
            let end = after.trim_start();
            if end.starts_with("%}") || end.starts_with("-%}") || end.starts_with("+%}") {
                out += &tag[..tag.len() - word.len()];
                out += replacement;
                rest = after;
            }
        }
    }
    out + rest
}
