//! Streaming SHA-256; uses the processor's SHA instructions where it has them.
use crate::abi::{guard, return_string, slice};
use sha2::{Digest, Sha256};
use std::ffi::c_char;

#[no_mangle]
pub extern "C" fn tessera_rust_sha256_new() -> *mut Sha256 {
    Box::into_raw(Box::new(Sha256::new()))
}

/// # Safety
/// `hash` is alive; `data` has `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_sha256_update(hash: *mut Sha256, data: *const u8, size: usize) {
    (*hash).update(slice(data, size));
}

/// # Safety
/// `hash` is alive; the outputs are valid for writing.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_sha256_finish(
    hash: *mut Sha256,
    out: *mut *mut c_char,
    out_size: *mut usize,
) -> *mut c_char {
    guard(|| {
        let digest = (*hash).finalize_reset();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        return_string(&hex, out, out_size);
        Ok(())
    })
}

/// # Safety
/// `hash` came from `tessera_rust_sha256_new` or is null.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_sha256_free(hash: *mut Sha256) {
    if !hash.is_null() {
        drop(Box::from_raw(hash));
    }
}
