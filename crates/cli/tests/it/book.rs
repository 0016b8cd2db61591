//! Every command of the book is run, and shows what the book shows.

#[test]
fn every_command_in_it_shows_what_it_says() {
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/book/src/*.md");
    trycmd::TestCases::new()
        .register_bin("plusminus", std::path::Path::new(env!("CARGO_BIN_EXE_plusminus")))
        .env("PLUSMINUS_STORE", "plusminus-store")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .case(book);
}
