#pragma once
// TESSERA_MULTIVERSION before a function: the compiler makes a version for each vector width and picks one at
// load. For plain loops only. The sanitizers cannot run the loader's choice (it comes before their start-up).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define TESSERA_MULTIVERSION __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TESSERA_MULTIVERSION
#endif
