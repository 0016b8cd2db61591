//! JSON with its own checksum: `{"checksum": "blake3:…", "content": …}`.

use crate::error::CatalogError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::path::Path;

#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    checksum: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// The text of `content` with the checksum of exactly those bytes before it.
pub(crate) fn seal<T: Serialize>(content: &T, file: &Path) -> Result<Vec<u8>, CatalogError> {
    let encode = || {
        let content = serde_json::value::to_raw_value(content)?;
        serde_json::to_vec(&Sealed { checksum: checksum(content.get().as_bytes()), content: &content })
    };
    encode().map_err(|e| CatalogError::encode(file, e))
}

/// Checks and decodes what [`seal`] wrote.
pub(crate) fn open<T: DeserializeOwned>(bytes: &[u8], file: &Path) -> Result<T, CatalogError> {
    let sealed: Sealed<'_> = serde_json::from_slice(bytes)
        .map_err(|e| CatalogError::damaged(file, format!("not a sealed document ({e})")))?;
    if sealed.checksum != checksum(sealed.content.get().as_bytes()) {
        return Err(CatalogError::damaged(file, "its checksum does not match its content"));
    }
    serde_json::from_str(sealed.content.get())
        .map_err(|e| CatalogError::damaged(file, format!("its content cannot be read ({e})")))
}

/// A blake3 digest as text.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    format!("blake3:{}", blake3::hash(bytes).to_hex())
}
