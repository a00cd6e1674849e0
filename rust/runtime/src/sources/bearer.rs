//! Tokens for HTTP, read from files.

use super::failure::{Failure, FailureKind};
use reqwest::header::HeaderValue;
use std::path::Path;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// Longest token, bytes; servers refuse longer headers.
const MAX_BYTES: u64 = 16 << 10;

/// Reads the value of the header `Authorization` from a file that holds a token. Callers read it
/// for each round, so that a token may be replaced while they run. The value hides its text.
///
/// # Errors
/// [`FailureKind::Unauthorized`] when there is no file, or no token in it.
pub(super) async fn authorization(token_file: &Path) -> Result<HeaderValue, Failure> {
    let unusable = |what: &dyn std::fmt::Display| {
        let detail = format!("{}: {what}; expected a token", token_file.display());
        Failure::new(FailureKind::Unauthorized, detail)
    };
    let file = File::open(token_file).await.map_err(|e| unusable(&e))?;
    let mut text = String::new();
    let mut limited = file.take(MAX_BYTES + 1);
    let n_read = limited.read_to_string(&mut text).await;
    if n_read.map_err(|error| unusable(&error))? as u64 > MAX_BYTES {
        return Err(unusable(&format_args!("longer than {MAX_BYTES} bytes")));
    }
    let token = text.trim();
    if token.is_empty() {
        return Err(unusable(&"the file is empty"));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| unusable(&"more than one line, or no plain text"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    async fn read(content: &[u8]) -> Result<HeaderValue, Failure> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        fs::write(&path, content).expect("a file");
        authorization(&path).await
    }

    #[tokio::test]
    async fn a_token_is_sent_and_never_shown() {
        let value = read(b" s3cret\n").await.expect("a token");
        assert_eq!(value.as_bytes(), b"Bearer s3cret");
        assert!(!format!("{value:?}").contains("s3cret"));
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused_without_being_shown() {
        let long = "s3cret".repeat(10_000).into_bytes();
        for content in [
            b"".as_slice(),
            b" \n",
            b"s3cret\ns3cret",
            b"s3cret\xff",
            &long,
        ] {
            let refused = read(content).await.expect_err("refused");
            assert_eq!(refused.kind, FailureKind::Unauthorized);
            assert!(!refused.to_string().contains("s3cret"), "{refused}");
        }
        let missing = authorization(Path::new("/nowhere/token")).await;
        assert!(
            missing
                .expect_err("refused")
                .detail
                .contains("/nowhere/token")
        );
    }
}
