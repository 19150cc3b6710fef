# Finds cargo, and what else to link with a static Rust library.

find_program(DLBRIDGE_CARGO cargo
    HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin"
    DOC "The cargo that builds dlbridge")
find_program(DLBRIDGE_RUSTC rustc
    HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin"
    DOC "The rustc of that cargo")
file(STRINGS Cargo.toml rust_needed REGEX "^rust-version = " LIMIT_COUNT 1)
string(REGEX MATCH "[0-9.]+" rust_needed "${rust_needed}")
set(get_rust "dlbridge needs Rust ${rust_needed} or later: get it from https://rustup.rs, or say where by -DDLBRIDGE_CARGO=... -DDLBRIDGE_RUSTC=...")
if(NOT DLBRIDGE_CARGO OR NOT DLBRIDGE_RUSTC)
    message(FATAL_ERROR "cargo and rustc were not found; ${get_rust}")
endif()

execute_process(COMMAND "${DLBRIDGE_RUSTC}" --version OUTPUT_VARIABLE rust_found)
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" rust_found "${rust_found}")
if(NOT rust_found VERSION_GREATER_EQUAL rust_needed)
    message(FATAL_ERROR "${DLBRIDGE_RUSTC} has version ${rust_found}; ${get_rust}")
endif()

# Only rustc knows what its standard library needs, here asked with an empty crate.
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/empty.rs" "")
execute_process(
    COMMAND "${DLBRIDGE_RUSTC}" --crate-type staticlib --print native-static-libs
        -o "${CMAKE_CURRENT_BINARY_DIR}/empty.a" "${CMAKE_CURRENT_BINARY_DIR}/empty.rs"
    ERROR_VARIABLE native_libraries
    COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "native-static-libs: ([^\n]*)" native_libraries "${native_libraries}")
separate_arguments(native_libraries UNIX_COMMAND "${CMAKE_MATCH_1}")
# Every C compiler adds these itself, and -lgcc_s would stop `cc -static`.
list(REMOVE_ITEM native_libraries -lc -lgcc_s)
