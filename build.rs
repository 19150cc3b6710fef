//! Gives libdlbridge the name under which the dynamic linker looks for it.

#[path = "src/capi/version.rs"]
mod version;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        let abi = version::DLBRIDGE_ABI_VERSION;
        // Not rustc-cdylib-link-arg, which cargo passes on to the shared library of
        // every crate that depends on this one (rust-lang/cargo#9562): programs
        // would load that instead.
        println!("cargo::rustc-link-arg=-Wl,-soname,libdlbridge.so.{abi}");
    }
}
