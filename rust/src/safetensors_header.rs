//! The header of a safetensors file as one JSON document.
use crate::abi::{guard, return_string, slice};
use safetensors::SafeTensors;
use serde_json::json;
use std::ffi::c_char;

const LENGTH_BYTES: usize = 8;

fn header(file: &[u8]) -> Result<String, String> {
    let (size, metadata) = SafeTensors::read_metadata(file).map_err(|error| error.to_string())?;
    let data = LENGTH_BYTES + size;
    let mut tensors = Vec::new();
    for name in metadata.offset_keys() {
        let info = metadata.info(&name).ok_or("a tensor without its description")?;
        let (begin, end) = info.data_offsets;
        let dtype = serde_json::to_value(info.dtype).map_err(|error| error.to_string())?;
        tensors.push(json!({"name": name, "dtype": dtype, "shape": info.shape,
                            "begin": data + begin, "end": data + end}));
    }
    Ok(json!({"tensors": tensors, "metadata": metadata.metadata()}).to_string())
}

/// # Safety
/// `file` has `size` bytes; the outputs are valid for writing.
#[no_mangle]
pub unsafe extern "C" fn tessera_rust_safetensors_header(
    file: *const u8,
    size: usize,
    out: *mut *mut c_char,
    out_size: *mut usize,
) -> *mut c_char {
    guard(|| {
        return_string(&header(slice(file, size))?, out, out_size);
        Ok(())
    })
}
