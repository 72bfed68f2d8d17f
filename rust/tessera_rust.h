#pragma once
// The C ABI of the crate in this folder, written by hand (15 functions).
//
// Inputs are borrowed (pointer, length) pairs and need no terminating NUL. A function that can fail returns NULL or
// an error text of one line, to be freed with tessera_rust_free_string; its outputs are written only on success.
// Strings that come back have a length and also a NUL behind the last byte. No panic and no exception crosses: one
// in a function that has no error text becomes what that function says of nothing.
// A handle may be used by several threads at once through const pointers only.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void tessera_rust_free_string(char* data);  // NULL is allowed
void tessera_rust_free_ids(int32_t* ids);   // NULL is allowed

// A Hugging Face tokenizer from the bytes of a tokenizer.json; its truncation and padding are switched off.
typedef struct tessera_rust_tokenizer tessera_rust_tokenizer;
char* tessera_rust_tokenizer_new(const char* json, size_t size, tessera_rust_tokenizer** out);
void tessera_rust_tokenizer_free(tessera_rust_tokenizer* tokenizer);  // NULL is allowed
// Fails when the text is not UTF-8.
char* tessera_rust_tokenizer_encode(const tessera_rust_tokenizer* tokenizer, const char* text, size_t size,
                                    bool add_special_tokens, int32_t** out, size_t* out_count);
// Ids that are not in the vocabulary have no text.
char* tessera_rust_tokenizer_decode(const tessera_rust_tokenizer* tokenizer, const int32_t* ids, size_t count,
                                    bool skip_special_tokens, char** out, size_t* out_size);
size_t tessera_rust_tokenizer_vocab_size(const tessera_rust_tokenizer* tokenizer);  // with added tokens
// -1 when there is no such token.
int32_t tessera_rust_tokenizer_token_to_id(const tessera_rust_tokenizer* tokenizer, const char* token, size_t size);

// Jinja as Hugging Face sets it up for chat templates: trim_blocks, lstrip_blocks, Python's string methods,
// raise_exception, strftime_now, loop controls, tojson in Python's form. `variables` is a JSON object. Steps, nesting,
// memory and output are limited (src/chat_template.rs, src/budget.rs).
char* tessera_rust_template_check(const char* source, size_t size);
char* tessera_rust_template_render(const char* source, size_t source_size, const char* variables,
                                   size_t variables_size, char** out, size_t* out_size);

// Header of a safetensors file, given the whole (mapped) file; reads the header only. Returns JSON:
//   {"tensors": [{"name", "dtype": "F32"|"BF16"|..., "shape": [..], "begin", "end"}], "metadata": {..}|null}
// in file order, begin and end as byte offsets in the file. Refuses a truncated file, bytes left over, overlaps,
// holes, and ranges that do not fit dtype and shape.
char* tessera_rust_safetensors_header(const uint8_t* file, size_t size, char** out, size_t* out_size);

// Streaming SHA-256. finish writes 64 lower-case hex digits and resets the hash.
typedef struct tessera_rust_sha256 tessera_rust_sha256;
tessera_rust_sha256* tessera_rust_sha256_new(void);
void tessera_rust_sha256_update(tessera_rust_sha256* hash, const uint8_t* data, size_t size);
char* tessera_rust_sha256_finish(tessera_rust_sha256* hash, char** out, size_t* out_size);
void tessera_rust_sha256_free(tessera_rust_sha256* hash);  // NULL is allowed

#ifdef __cplusplus
}
#endif
