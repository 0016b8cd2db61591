//! Reads every file of the corpus: nothing panics, and every error says what to do next.

use std::fs;
use std::path::Path;

use plusminus_dialect::parse_script;

#[test]
fn every_file_is_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the corpus is there") {
        let path = entry.expect("the corpus is readable").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(&path).expect("the file is readable");
        let outcome = parse_script(&String::from_utf8_lossy(&text));
        match &outcome {
            Ok(_) => assert!(!name.starts_with("bad-"), "{name} was accepted"),
            Err(error) => {
                assert!(!name.starts_with("good-"), "{name}: {error}");
                assert!(!error.next.is_empty(), "{name}");
            }
        }
        files += 1;
    }
    assert!(files >= 40, "only {files} files");
}
