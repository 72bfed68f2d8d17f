# tessera_rust: the static library of rust/, built by cargo. Part of ALL and first in the build, because it takes
# longest. Dependencies come from Cargo.lock; once they are downloaded the build needs no network.
set(TESSERA_RUST_MINIMUM 1.85)
set(TESSERA_CARGO_TARGET_DIR "$ENV{TESSERA_CARGO_TARGET_DIR}" CACHE PATH
  "Where cargo builds; empty: cargo/ in the build folder. Several build folders may share one.")
set(cargo_target_dir "${TESSERA_CARGO_TARGET_DIR}")
if(NOT cargo_target_dir)
  set(cargo_target_dir "${CMAKE_BINARY_DIR}/cargo")
endif()

find_program(TESSERA_CARGO cargo)
find_program(TESSERA_RUSTC rustc)
set(rust_advice "install Rust ${TESSERA_RUST_MINIMUM} or later (Debian: rustc-web and cargo-web, or rustup)")
if(NOT TESSERA_CARGO OR NOT TESSERA_RUSTC)
  message(FATAL_ERROR "Rust: cargo or rustc is not in PATH: ${rust_advice}")
endif()
execute_process(COMMAND ${TESSERA_RUSTC} --version OUTPUT_VARIABLE rustc_version ERROR_VARIABLE rustc_error
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_STRIP_TRAILING_WHITESPACE)
if(NOT rustc_version MATCHES "rustc ([0-9]+\\.[0-9]+\\.[0-9]+)")
  message(FATAL_ERROR "Rust: ${TESSERA_RUSTC} --version says '${rustc_version}${rustc_error}': ${rust_advice}")
endif()
if(CMAKE_MATCH_1 VERSION_LESS TESSERA_RUST_MINIMUM)
  message(FATAL_ERROR "Rust: ${TESSERA_RUSTC} is version ${CMAKE_MATCH_1}: ${rust_advice}")
endif()

set(rust_archive "${cargo_target_dir}/release/libtessera_rust.a")
set(cargo_environment "RUSTC=${TESSERA_RUSTC}")
set(cargo_options --release --locked --quiet)
if(TESSERA_FUZZ)
  # libFuzzer sees into the Rust code as well. An explicit target keeps the flags off build scripts and macros.
  execute_process(COMMAND ${TESSERA_RUSTC} -vV OUTPUT_VARIABLE rustc_details)
  string(REGEX MATCH "host: ([^\n]+)" host_line "${rustc_details}")
  set(rust_host "${CMAKE_MATCH_1}")
  set(coverage "-Cpasses=sancov-module")
  foreach(feature level=4 inline-8bit-counters pc-table trace-compares)
    string(APPEND coverage " -Cllvm-args=-sanitizer-coverage-${feature}")
  endforeach()
  list(APPEND cargo_environment "RUSTFLAGS=${coverage} -Ccodegen-units=1")
  list(APPEND cargo_options --target ${rust_host})
  set(rust_archive "${cargo_target_dir}/${rust_host}/release/libtessera_rust.a")
endif()
file(GLOB rust_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/rust/src/*.rs")
add_custom_command(OUTPUT "${rust_archive}"
  COMMAND ${CMAKE_COMMAND} -E env ${cargo_environment} ${TESSERA_CARGO} build ${cargo_options}
          --manifest-path "${CMAKE_SOURCE_DIR}/rust/Cargo.toml" --target-dir "${cargo_target_dir}"
  # cargo leaves an up-to-date archive alone, which would look outdated to ninja for ever.
  COMMAND ${CMAKE_COMMAND} -E touch "${rust_archive}"
  DEPENDS ${rust_sources} "${CMAKE_SOURCE_DIR}/rust/Cargo.toml" "${CMAKE_SOURCE_DIR}/rust/Cargo.lock"
  COMMENT "Building the Rust library (tokenizers, minijinja, safetensors)" VERBATIM)
add_custom_target(tessera_rust_build ALL DEPENDS "${rust_archive}")

add_library(tessera_rust STATIC IMPORTED GLOBAL)
set_target_properties(tessera_rust PROPERTIES IMPORTED_LOCATION "${rust_archive}")
target_include_directories(tessera_rust INTERFACE "${CMAKE_SOURCE_DIR}/rust")
target_link_libraries(tessera_rust INTERFACE pthread dl m)
add_dependencies(tessera_rust tessera_rust_build)
