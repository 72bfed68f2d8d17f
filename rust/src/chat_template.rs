//! Chat templates: minijinja set up as Hugging Face sets up Jinja2 for `chat_template`.
use crate::abi::{guard, return_string, text};
use crate::budget::within_budget;
use crate::jinja2::{is_iterable, is_sequence, replace_generation};
use crate::python_json::tojson;
use minijinja::{Environment, Error, ErrorKind, Value};
use std::ffi::{c_char, CString};
use std::io::{Error as IoError, Write};

/// A template of a few hundred lines over a long conversation needs some 100 thousand steps; this stops an endless one
/// within a second, and one that nests lists before drop and display, which recurse, use up the stack.
const FUEL: u64 = 1_000_000;
/// Nested macro calls; each level takes stack.
const RECURSION_LIMIT: usize = 64;
const MAX_OUTPUT_BYTES: usize = 64 << 20;
const NAME: &str = "chat_template";

struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT_BYTES {
            return Err(IoError::other("the output is larger than 64 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// The local time in the C library's `strftime` format.
fn strftime_now(format: String) -> Result<String, Error> {
    let refuse =
        |text: &str| Error::new(ErrorKind::InvalidOperation, format!("strftime_now({format:?}): {text}"));
    let c_format = CString::new(format.as_str()).map_err(|_| refuse("the format has a NUL"))?;
    let mut buffer = [0u8; 512];
    let written = unsafe {
        let now = libc::time(std::ptr::null_mut());
        let mut parts: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&now, &mut parts).is_null() {
            return Err(refuse("no local time"));
        }
        libc::strftime(buffer.as_mut_ptr() as *mut c_char, buffer.len(), c_format.as_ptr(), &parts)
    };
    if written == 0 && !format.is_empty() {
        return Err(refuse("the result is empty or longer than 511 bytes"));
    }
    Ok(String::from_utf8_lossy(&buffer[..written]).into_owned())
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_LIMIT);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", tojson);
    environment.add_test("iterable", is_iterable);
    environment.add_test("sequence", is_sequence);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    environment
}

fn describe(error: Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

fn render(source: &str, variables: &str) -> Result<Vec<u8>, String> {
    let variables: Value =
        serde_json::from_str(variables).map_err(|error| format!("the variables: {error}"))?;
    let environment = environment();
    let template = environment.template_from_named_str(NAME, source).map_err(describe)?;
    let mut output = Limited(Vec::new());
    template.render_captured_to(variables, &mut output).map_err(describe)?;
    Ok(output.0)
}

/// # Safety
/// `source` has `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_template_check(source: *const c_char, size: usize) -> *mut c_char {
    guard(|| {
        let source = replace_generation(text(source, size, "the template")?);
        // Parsing computes constant expressions.
        within_budget(move || {
            environment().template_from_named_str(NAME, &source).map(|_| ()).map_err(describe)
        })
    })
}

/// # Safety
/// `source` and `variables` have the sizes given; the outputs are valid for writing.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_template_render(
    source: *const c_char,
    source_size: usize,
    variables: *const c_char,
    variables_size: usize,
    out: *mut *mut c_char,
    out_size: *mut usize,
) -> *mut c_char {
    guard(|| {
        let source = replace_generation(text(source, source_size, "the template")?);
        let variables = text(variables, variables_size, "the variables")?.to_owned();
        let output = within_budget(move || render(&source, &variables))?;
        return_string(&String::from_utf8_lossy(&output), out, out_size);
        Ok(())
    })
}
