//! Gives libdlbridge the name under which the dynamic linker looks for it.

#[path = "src/capi/version.rs"]
mod version;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo passes these arguments on to the shared library of every crate that
    // depends on this one (rust-lang/cargo#9562). Those must not bear our name.
    if option_env!("CARGO_PRIMARY_PACKAGE").is_none() || !cfg!(feature = "capi") {
        return;
    }
    let abi = version::DLBRIDGE_ABI_VERSION;
    let arguments = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => format!("-install_name,@rpath/libdlbridge.{abi}.dylib"),
        Ok("linux") => format!("-soname,libdlbridge.so.{abi}"),
        _ => return,
    };
    println!("cargo::rustc-cdylib-link-arg=-Wl,{arguments}");
}
