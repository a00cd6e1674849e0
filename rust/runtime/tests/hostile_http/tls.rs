//! Certificates.

use crate::heard::{ATTACKED, Heard, mean_of, scrape_source};
use crate::server::{Exchange, ok, read_request};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use spillway_runtime::sources::FailureKind;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("a certificate")
}

/// The certificate of a server of that name, which was valid until that year.
fn server_config(authority: &Authority, name: &str, until: i32) -> ServerConfig {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a usable certificate")
}

async fn serve(config: ServerConfig) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let request = read_request(&mut stream).await;
            let mut exchange = Exchange {
                stream,
                request,
                n_before: 0,
            };
            exchange.send(ok("load 1\n").as_bytes()).await;
        }
    });
    address
}

fn ca_file(folder: &Path, authority: &Authority) -> PathBuf {
    let path = folder.join("ca.pem");
    fs::write(&path, authority.as_ref().pem()).expect("a file");
    path
}

/// What the source says of a server with that certificate.
async fn outcome(config: ServerConfig, ca_file: Option<PathBuf>) -> Result<f64, FailureKind> {
    let address = serve(config).await;
    let mut source = scrape_source(vec![format!(
        "https://localhost:{}/metrics",
        address.port()
    )]);
    source.ca_file = ca_file;
    let mut heard = Heard::nothing_yet();
    heard.scrape(source, vec![(ATTACKED, mean_of("load"))]);
    let sample = heard.of(ATTACKED).await;
    sample
        .map(|sample| sample.value)
        .map_err(|failure| failure.kind)
}

#[tokio::test]
async fn only_a_valid_certificate_of_a_trusted_authority_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = authority();
    let file = Some(ca_file(folder.path(), &trusted));
    let good = server_config(&trusted, "localhost", 4_000);
    assert_eq!(outcome(good, file.clone()).await, Ok(1.0));
    let expired = server_config(&trusted, "localhost", 2_020);
    assert_eq!(outcome(expired, file.clone()).await, Err(FailureKind::Tls));
    let another_name = server_config(&trusted, "example.org", 4_000);
    assert_eq!(
        outcome(another_name, file.clone()).await,
        Err(FailureKind::Tls)
    );
    let unknown = server_config(&authority(), "localhost", 4_000);
    assert_eq!(outcome(unknown, file).await, Err(FailureKind::Tls));
    let not_the_systems = server_config(&trusted, "localhost", 4_000);
    assert_eq!(outcome(not_the_systems, None).await, Err(FailureKind::Tls));
}

#[tokio::test]
async fn a_file_without_a_certificate_is_a_failure_and_not_trust_in_the_system() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    let trusted = authority();
    for content in [
        None,
        Some(""),
        Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ] {
        if let Some(content) = content {
            fs::write(&path, content).expect("a file");
        }
        let config = server_config(&trusted, "localhost", 4_000);
        let outcome = outcome(config, Some(path.clone())).await;
        assert_eq!(outcome, Err(FailureKind::Tls), "{content:?}");
    }
}
