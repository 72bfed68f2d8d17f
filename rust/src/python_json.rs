//! JSON as Python's `json.dumps` writes it, which is what chat templates are written against: ", " and ": " between
//! items, no HTML escapes.
use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io::{Result as IoResult, Write};

struct PythonFormatter;

fn separate<W: ?Sized + Write>(writer: &mut W, first: bool) -> IoResult<()> {
    if first {
        Ok(())
    } else {
        writer.write_all(b", ")
    }
}

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> IoResult<()> {
        separate(writer, first)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> IoResult<()> {
        separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        writer.write_all(b": ")
    }
}

fn serialize<F: Formatter>(value: &Value, formatter: F) -> Result<Value, Error> {
    let mut bytes = Vec::new();
    let failure = |error: String| Error::new(ErrorKind::BadSerialization, error);
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(|error| failure(error.to_string()))?;
    Ok(Value::from(String::from_utf8(bytes).map_err(|error| failure(error.to_string()))?))
}

/// The filter `tojson(value, indent=None, ensure_ascii=False)`.
pub fn tojson(value: &Value, indent: Option<usize>, options: Kwargs) -> Result<Value, Error> {
    let indent = match indent {
        Some(width) => Some(width),
        None => options.get::<Option<usize>>("indent")?,
    };
    let _non_ascii_kept = options.get::<Option<bool>>("ensure_ascii")?;
    options.assert_all_used()?;
    match indent {
        None => serialize(value, PythonFormatter),
        Some(width) => serialize(value, PrettyFormatter::with_indent(" ".repeat(width.min(16)).as_bytes())),
    }
}
