//! The committed C header is the one that cbindgen makes of the sources.
//! `DLBRIDGE_BLESS=1 cargo test --test header` writes it anew.

use std::path::Path;

#[test]
fn the_header_has_not_drifted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut made = Vec::new();
    cbindgen::Builder::new()
        .with_crate(root)
        .with_config(config)
        .generate()
        .expect("the header can be generated")
        .write(&mut made);
    let made = String::from_utf8(made).expect("the header is UTF-8");

    let path = root.join("include/dlbridge/dlbridge.h");
    if std::env::var_os("DLBRIDGE_BLESS").is_some() {
        std::fs::write(&path, &made).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "include/dlbridge/dlbridge.h has drifted: run `make header`");
}
