//! Any bytes are a manifest or an error, never a panic. `cargo fuzz run manifest ../corpus` in crates/catalog/fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = plusminus_catalog::decode_manifest_bytes(bytes);
});
