//! The server's certificate, read again when its file changed.

use crate::config::TlsFiles;
use crate::file_identity::FileIdentity;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often the files are looked at. Certificates are replaced days before they expire.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Largest file of the two, bytes.
const MAX_BYTES: u64 = 1024 * 1024;

pub(super) struct Certificate {
    files: TlsFiles,
    config: RustlsConfig,
    seen: Seen,
}

type Seen = [Option<FileIdentity>; 2];

impl Certificate {
    pub(super) fn read(files: &TlsFiles) -> io::Result<Self> {
        let seen = seen(files);
        Ok(Certificate {
            config: RustlsConfig::from_config(server_config(files)?),
            files: files.clone(),
            seen,
        })
    }

    /// What connections are secured with, always the newest.
    pub(super) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Takes new files as they come. Files that cannot be used are reported, and the old
    /// certificate stays.
    pub(super) fn follow(self) -> JoinHandle<()> {
        let Certificate {
            files,
            config,
            mut seen,
        } = self;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let now = self::seen(&files);
                if now == seen {
                    continue;
                }
                seen = now;
                match server_config(&files) {
                    Ok(new) => {
                        config.reload_from_config(new);
                        tracing::info!("A new certificate was taken.");
                    }
                    Err(error) => tracing::error!(%error, "The old certificate stays."),
                }
            }
        })
    }
}

fn seen(files: &TlsFiles) -> Seen {
    [&files.certificate, &files.key].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some(FileIdentity::of(&metadata))
    })
}

fn server_config(files: &TlsFiles) -> io::Result<Arc<ServerConfig>> {
    let unusable = |path: &Path, error: &dyn std::fmt::Display| {
        io::Error::other(format!("{} cannot be used: {error}", path.display()))
    };
    let read = |path: &Path| -> io::Result<Vec<u8>> {
        let metadata = fs::metadata(path).map_err(|error| unusable(path, &error))?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            let expected = format!("not a regular file of at most {MAX_BYTES} bytes");
            return Err(unusable(path, &expected));
        }
        fs::read(path).map_err(|error| unusable(path, &error))
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(&files.certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(&files.certificate, &error))?;
    if chain.is_empty() {
        return Err(unusable(&files.certificate, &"no certificate in PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|error| unusable(&files.key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&files.key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
