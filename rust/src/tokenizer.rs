//! Hugging Face `tokenizers`: the reference engine itself.
use crate::abi::{guard, guard_or, return_ids, return_string, slice, text};
use std::ffi::c_char;
use tokenizers::Tokenizer;

/// # Safety
/// `json` has `size` bytes; `out` is valid for writing.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_tokenizer_new(
    json: *const c_char,
    size: usize,
    out: *mut *mut Tokenizer,
) -> *mut c_char {
    guard(|| {
        let json = slice(json as *const u8, size);
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        // A tokenizer.json may carry the truncation of its training; whoever encodes a prompt wants all of it.
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        *out = Box::into_raw(Box::new(tokenizer));
        Ok(())
    })
}

/// # Safety
/// `tokenizer` came from `tessera_rust_tokenizer_new` or is null.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_tokenizer_free(tokenizer: *mut Tokenizer) {
    if !tokenizer.is_null() {
        drop(Box::from_raw(tokenizer));
    }
}

/// # Safety
/// `tokenizer` is alive; `input` has `size` bytes; the outputs are valid for writing.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_tokenizer_encode(
    tokenizer: *const Tokenizer,
    input: *const c_char,
    size: usize,
    add_special_tokens: bool,
    out: *mut *mut i32,
    out_count: *mut usize,
) -> *mut c_char {
    guard(|| {
        let input = text(input, size, "the text")?;
        let encoding =
            (*tokenizer).encode_fast(input, add_special_tokens).map_err(|error| error.to_string())?;
        return_ids(encoding.get_ids(), out, out_count);
        Ok(())
    })
}

/// # Safety
/// `tokenizer` is alive; `ids` has `count` elements; the outputs are valid for writing.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_tokenizer_decode(
    tokenizer: *const Tokenizer,
    ids: *const i32,
    count: usize,
    skip_special_tokens: bool,
    out: *mut *mut c_char,
    out_size: *mut usize,
) -> *mut c_char {
    guard(|| {
        let ids: Vec<u32> = slice(ids, count).iter().filter_map(|&id| u32::try_from(id).ok()).collect();
        let decoded = (*tokenizer).decode(&ids, skip_special_tokens).map_err(|error| error.to_string())?;
        return_string(&decoded, out, out_size);
        Ok(())
    })
}

/// # Safety
/// `tokenizer` is alive.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_tokenizer_vocab_size(tokenizer: *const Tokenizer) -> usize {
    guard_or(0, || (*tokenizer).get_vocab_size(true))
}

/// # Safety
/// `tokenizer` is alive; `token` has `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_tokenizer_token_to_id(
    tokenizer: *const Tokenizer,
    token: *const c_char,
    size: usize,
) -> i32 {
    guard_or(-1, || {
        let id = text(token, size, "the token").ok().and_then(|token| (*tokenizer).token_to_id(token));
        id.and_then(|id| i32::try_from(id).ok()).unwrap_or(-1)
    })
}
