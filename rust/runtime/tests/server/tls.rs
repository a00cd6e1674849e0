//! The server with a certificate.

use super::serving::{Serving, config};
use super::views;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client};
use spillway_runtime::config::TlsFiles;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Writes a certificate for `localhost` and its key, and returns the certificate.
fn write_certificate(files: &TlsFiles) -> String {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(&files.key, signing_key.serialize_pem()).expect("a key");
    fs::write(&files.certificate, cert.pem()).expect("a certificate");
    cert.pem()
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
    }
}

fn trusting(certificate: &str) -> Client {
    let certificate = Certificate::from_pem(certificate.as_bytes()).expect("PEM");
    Client::builder()
        .no_proxy()
        .tls_certs_only([certificate])
        .build()
        .expect("a client")
}

#[tokio::test]
async fn it_speaks_tls_only_and_by_the_names_of_its_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let certificate = write_certificate(&files);
    let serving = Serving::start_as(views::busy, config(None, Some(files)), "none".into()).await;
    let url = format!("https://localhost:{}/healthz", serving.address().port());
    let request = trusting(&certificate).get(&url);
    // A proxy in front of it may know it by another name; browsers hold it to its certificate.
    let request = request.header("host", "sidecar.example.org");
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let plain = serving.client().get(serving.url("/healthz")).send().await;
    assert!(plain.is_err(), "it answers without TLS");
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let old = write_certificate(&files);
    let config = config(None, Some(files.clone()));
    let serving = Serving::start_as(views::busy, config, "none".into()).await;
    let url = format!("https://localhost:{}/healthz", serving.address().port());
    let answers = async |certificate: &str| trusting(certificate).get(&url).send().await.is_ok();
    assert!(answers(&old).await);
    let new = write_certificate(&files);
    let taken = async {
        while !answers(&new).await {
            // A new connection each time; the server looks at its files every few seconds.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let taken = tokio::time::timeout(Duration::from_secs(60), taken).await;
    taken.expect("the new certificate");
    assert!(!answers(&old).await);
}

#[tokio::test]
async fn files_that_are_no_pair_are_an_error_at_the_start_that_names_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    write_certificate(&files);
    let other = TlsFiles {
        certificate: files.certificate.clone(),
        key: folder.path().join("other.key"),
    };
    fs::copy(&files.key, &other.key).expect("a copy");
    let serving = Serving::start(views::new).await;
    let refused = |tls: TlsFiles| {
        let error = serving.bind_as(config(None, Some(tls)));
        error.expect_err("no server").to_string()
    };
    write_certificate(&files);
    let error = refused(other.clone());
    assert!(error.contains("other.key"), "{error}");
    fs::write(&other.key, "no key").expect("written");
    assert!(refused(other.clone()).contains("other.key"));
    fs::write(&files.certificate, "no certificate").expect("written");
    assert!(refused(files.clone()).contains("tls.crt"));
    fs::remove_file(&files.certificate).expect("removed");
    assert!(refused(files).contains("tls.crt"));
}
