//! The C ABI of `tessera_rust.h`. An entry that works on data of others goes through `guard`, which turns an error or a
//! panic into a text, or `guard_or`, which turns a panic into a value; the rest only makes, feeds and frees handles.
mod abi;
mod budget;
mod chat_template;
mod jinja2;
mod python_json;
mod safetensors_header;
mod sha256;
mod tokenizer;
