//! What every entry shares: borrowed slices in, malloc'd strings and arrays out, errors as texts, no panic across.
use std::ffi::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

static QUIET: Once = Once::new();

/// The default hook would print a panic and its location on stderr; the caller reports it as an error instead.
fn catch<T>(body: impl FnOnce() -> T) -> std::thread::Result<T> {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(body))
}

/// Runs an entry that cannot say why it failed.
pub fn guard_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or(otherwise)
}

/// Runs one entry; null on success, else the malloc'd, NUL-terminated error text.
pub fn guard(body: impl FnOnce() -> Result<(), String>) -> *mut c_char {
    let error = match catch(body) {
        Ok(Ok(())) => return std::ptr::null_mut(),
        Ok(Err(text)) => text,
        Err(panic) => panic_text(panic.as_ref()),
    };
    copy_out(error.replace('\0', " ").as_bytes()).0
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("internal failure: {}", text.unwrap_or("unknown panic"))
}

/// A malloc'd copy with a NUL behind it, so that C may treat it as a string.
fn copy_out(bytes: &[u8]) -> (*mut c_char, usize) {
    unsafe {
        let copy = libc::malloc(bytes.len() + 1) as *mut u8;
        if copy.is_null() {
            std::alloc::handle_alloc_error(std::alloc::Layout::array::<u8>(bytes.len()).unwrap());
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
        *copy.add(bytes.len()) = 0;
        (copy as *mut c_char, bytes.len())
    }
}

/// # Safety
/// `out` and `out_size` are valid for writing.
pub unsafe fn return_string(text: &str, out: *mut *mut c_char, out_size: *mut usize) {
    let (data, size) = copy_out(text.as_bytes());
    *out = data;
    *out_size = size;
}

/// # Safety
/// `data` points to `size` readable elements, or `size` is 0.
pub unsafe fn slice<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if size == 0 || data.is_null() {
        &[]
    } else {
        std::slice::from_raw_parts(data, size)
    }
}

/// # Safety
/// As for `slice`.
pub unsafe fn text<'a>(data: *const c_char, size: usize, what: &str) -> Result<&'a str, String> {
    std::str::from_utf8(slice(data as *const u8, size))
        .map_err(|error| format!("{what} is not UTF-8: byte {} of {size}", error.valid_up_to()))
}

/// # Safety
/// `data` came from this library or is null.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_free_string(data: *mut c_char) {
    libc::free(data as *mut c_void);
}

/// # Safety
/// `ids` came from this library or is null.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_free_ids(ids: *mut i32) {
    libc::free(ids as *mut c_void);
}

/// # Safety
/// `out` and `out_count` are valid for writing.
pub unsafe fn return_ids(ids: &[u32], out: *mut *mut i32, out_count: *mut usize) {
    let bytes = std::mem::size_of_val(ids);
    let copy = libc::malloc(bytes.max(1));
    if copy.is_null() {
        std::alloc::handle_alloc_error(std::alloc::Layout::array::<u32>(ids.len()).unwrap());
    }
    std::ptr::copy_nonoverlapping(ids.as_ptr() as *const u8, copy as *mut u8, bytes);
    *out = copy as *mut i32;
    *out_count = ids.len();
}
