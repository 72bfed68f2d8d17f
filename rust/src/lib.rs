//! The C ABI of `tessera_rust.h`. Every entry goes through `guard`, which turns an error or a panic into a text.
mod abi;
mod budget;
mod chat_template;
mod jinja2;
mod python_json;
mod safetensors_header;
mod sha256;
mod tokenizer;
