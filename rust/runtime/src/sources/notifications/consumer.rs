//! One connection to the broker: from connecting to consuming, and the checks that it still lives.
//!
//! The client's own recovery is not used. Whatever goes wrong ends the session, and the next one
//! builds connection, channel, queue and consumer anew.

use crate::config::NotificationsSource;
use crate::sources::failure::{Failure, FailureKind, excerpt};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::tcp::{AsyncTcpStream, RustlsConnector, RustlsConnectorConfig};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties, Consumer, ErrorKind, ExchangeKind};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Messages that the broker sends ahead of our acknowledgements.
const PREFETCH: u16 = 500;

/// What waits in the queue for longer says nothing of the load now. Five minutes is the default
/// window of a signal.
const MESSAGE_TTL_MS: i64 = 300_000;

/// The broker drops a queue that no one reads for so long, an hour.
const QUEUE_EXPIRES_MS: i64 = 3_600_000;

/// What the queue may hold in all, bytes, whatever one message's size.
const MAX_QUEUE_BYTES: i64 = 64 << 20;

/// A connection over which nothing came for twice this long, seconds, is dead.
const HEARTBEAT_SECS: u16 = 5;

/// Longest time of one step: a connection, an answer to a declaration.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// A session: a consumer of the sidecar's own queue.
pub(super) struct Session {
    /// Deliveries, until the session ends.
    pub(super) deliveries: Consumer,
    /// Messages that waited in the queue when the session began.
    pub(super) backlog: u32,
    channel: Channel,
    queue: String,
    /// Dropping it closes the connection.
    _connection: Connection,
}

impl Session {
    /// Connects, declares the queue, binds it to Nova's exchange, and begins to consume.
    ///
    /// # Errors
    /// [`Failure`], which says what to do where that is known: Nova's exchange is not there yet,
    /// the queue is there with other arguments, someone else reads it.
    pub(super) async fn open(source: &NotificationsSource) -> Result<Session, Failure> {
        let connection = step("connecting", connect(source)).await?;
        let opening = async {
            let channel = connection.create_channel().await.map_err(failure)?;
            let exchange = source.exchange.as_str().into();
            let passive = ExchangeDeclareOptions {
                passive: true,
                ..ExchangeDeclareOptions::default()
            };
            channel
                .exchange_declare(
                    exchange,
                    ExchangeKind::Topic,
                    passive,
                    FieldTable::default(),
                )
                .await
                .map_err(|error| no_exchange(source, error))?;
            let queue = channel
                .queue_declare(
                    source.queue.as_str().into(),
                    QueueDeclareOptions::durable(),
                    queue_arguments(source),
                )
                .await
                .map_err(|error| queue_refused(source, error))?;
            for topic in &source.topics {
                channel
                    .queue_bind(
                        source.queue.as_str().into(),
                        source.exchange.as_str().into(),
                        format!("{topic}.*").into(),
                        QueueBindOptions::default(),
                        FieldTable::default(),
                    )
                    .await
                    .map_err(failure)?;
            }
            let qos = BasicQosOptions::default();
            channel.basic_qos(PREFETCH, qos).await.map_err(failure)?;
            // Exclusive: two sidecars on one queue would each see half of what happens.
            let exclusive = BasicConsumeOptions {
                exclusive: true,
                ..BasicConsumeOptions::default()
            };
            let deliveries = channel
                .basic_consume(
                    source.queue.as_str().into(),
                    "spillway".into(),
                    exclusive,
                    FieldTable::default(),
                )
                .await
                .map_err(|error| queue_refused(source, error))?;
            Ok((channel, queue.message_count(), deliveries))
        };
        let (channel, backlog, deliveries) = step("declaring the queue", opening).await?;
        Ok(Session {
            deliveries,
            backlog,
            channel,
            queue: source.queue.clone(),
            _connection: connection,
        })
    }

    /// Acknowledges every delivery up to a tag.
    ///
    /// # Errors
    /// The session has ended.
    pub(super) async fn acknowledge(&self, tag: u64) -> Result<(), Failure> {
        let multiple = BasicAckOptions { multiple: true };
        let acknowledged = async { self.channel.basic_ack(tag, multiple).await.map_err(failure) };
        step("acknowledging", acknowledged).await
    }

    /// Asks the broker whether it still has the queue and us as its consumer. To be asked when
    /// nothing came for a while: a lost consumer is silent, and so is a quiet cloud.
    ///
    /// # Errors
    /// The session has ended.
    pub(super) async fn check(&self) -> Result<(), Failure> {
        let asked = async {
            let passive = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            let queue = self.queue.as_str().into();
            let declared = self
                .channel
                .queue_declare(queue, passive, FieldTable::default())
                .await
                .map_err(failure)?;
            if declared.consumer_count() == 0 {
                let detail = "the broker lost our consumer of the queue";
                return Err(Failure::new(FailureKind::Refused, detail));
            }
            Ok(())
        };
        step("checking the queue", asked).await
    }
}

async fn step<T>(
    what: &str,
    doing: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(STEP_TIMEOUT, doing).await {
        Ok(done) => done,
        Err(_) => {
            let secs = STEP_TIMEOUT.as_secs();
            let detail = format!("{what}: the broker did not answer within {secs} s");
            Err(Failure::new(FailureKind::Timeout, detail))
        }
    }
}

async fn connect(source: &NotificationsSource) -> Result<Connection, Failure> {
    let mut uri: AMQPUri = source.broker.parse().map_err(|error| {
        let detail = format!("the broker's address cannot be read: {error}");
        Failure::new(FailureKind::Malformed, detail)
    })?;
    if let Some(path) = &source.credentials_file {
        let (user, password) = read_credentials(path).await?;
        uri.authority.userinfo.username = user;
        uri.authority.userinfo.password = password;
    }
    uri.query.heartbeat = Some(HEARTBEAT_SECS);
    let tls = match uri.scheme {
        AMQPScheme::AMQP => None,
        AMQPScheme::AMQPS => Some(tls_connector(source.ca_file.as_deref()).await?),
    };
    let properties = ConnectionProperties::default().with_connection_name("spillway".into());
    let runtime = lapin::runtime::default_runtime().map_err(failure)?;
    // The client would add the file's certificates to the system's; here they are instead of it.
    let transport = async move |uri: AMQPUri, runtime| {
        let host = uri.authority.host;
        let addresses = tokio::net::lookup_host((host.as_str(), uri.authority.port)).await?;
        let mut failed = io::Error::other(format!("{host} has no address"));
        let mut connected = None;
        // A name may stand for several brokers, or for one that listens at one of its addresses.
        for address in addresses {
            match AsyncTcpStream::connect(&runtime, address).await {
                Ok(stream) => {
                    connected = Some(stream);
                    break;
                }
                Err(error) => failed = error,
            }
        }
        let Some(stream) = connected else {
            return Err(failed.into());
        };
        match &tls {
            None => Ok(stream),
            Some(connector) => Ok(stream.into_rustls(connector, &host).await?),
        }
    };
    Connection::connector(uri, runtime, transport, properties)
        .await
        .map_err(failure)
}

async fn tls_connector(ca_file: Option<&Path>) -> Result<RustlsConnector, Failure> {
    // A second call finds it installed; both mean the same provider.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = match ca_file {
        None => RustlsConnectorConfig::new_with_platform_verifier(),
        Some(path) => {
            let unusable = |what: &dyn std::fmt::Display| {
                let detail = format!("{}: {what}; expected PEM certificates", path.display());
                Failure::new(FailureKind::Tls, detail)
            };
            let pem = tokio::fs::read(path)
                .await
                .map_err(|error| unusable(&error))?;
            let certificates = CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unusable(&error))?;
            if certificates.is_empty() {
                return Err(unusable(&"no certificate"));
            }
            RustlsConnectorConfig::default().with_parsable_certificates(certificates)
        }
    };
    config
        .connector_with_no_client_auth()
        .map_err(|error| Failure::new(FailureKind::Tls, format!("no TLS for the broker: {error}")))
}

/// Reads `USER:PASSWORD`; what is said about a file that cannot be read holds none of it.
async fn read_credentials(path: &Path) -> Result<(String, String), Failure> {
    let unusable = |what: &dyn std::fmt::Display| {
        let detail = format!("{}: {what}; expected USER:PASSWORD", path.display());
        Failure::new(FailureKind::Unauthorized, detail)
    };
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| unusable(&error))?;
    let line = text.lines().next().unwrap_or_default().trim_end();
    match line.split_once(':') {
        Some((user, password)) if !user.is_empty() => Ok((user.to_owned(), password.to_owned())),
        _ => Err(unusable(&"the first line is something else")),
    }
}

fn queue_arguments(source: &NotificationsSource) -> FieldTable {
    let mut arguments = FieldTable::default();
    for (name, value) in [
        ("x-max-length", i64::from(source.max_queue_length)),
        ("x-max-length-bytes", MAX_QUEUE_BYTES),
        ("x-message-ttl", MESSAGE_TTL_MS),
        ("x-expires", QUEUE_EXPIRES_MS),
    ] {
        arguments.insert(name.into(), AMQPValue::LongLongInt(value));
    }
    let drop_head = AMQPValue::LongString("drop-head".into());
    arguments.insert("x-overflow".into(), drop_head);
    arguments
}

fn no_exchange(source: &NotificationsSource, error: lapin::Error) -> Failure {
    if soft_error(&error) == Some(&AMQPSoftError::NOTFOUND) {
        let detail = format!(
            "the exchange `{}` is not there; Nova makes it when it sends its first notification, \
             with `driver = messagingv2` in [oslo_messaging_notifications]",
            source.exchange
        );
        return Failure::new(FailureKind::Absent, detail);
    }
    failure(error)
}

fn queue_refused(source: &NotificationsSource, error: lapin::Error) -> Failure {
    let queue = &source.queue;
    let detail = match soft_error(&error) {
        Some(AMQPSoftError::PRECONDITIONFAILED) => {
            let text = error.to_string();
            // RabbitMQ: inequivalent arg 'x-max-length' for queue ...
            let argument = text.split('\'').nth(1).unwrap_or("an argument");
            format!(
                "the queue `{queue}` is there with another `{argument}` than the sidecar's; \
                 delete it at the broker, or give `sources.notifications.queue` another name"
            )
        }
        Some(AMQPSoftError::ACCESSREFUSED) if error.to_string().contains("exclusive") => format!(
            "the queue `{queue}` is read by someone else; a second sidecar needs another \
             `sources.notifications.queue`"
        ),
        Some(AMQPSoftError::RESOURCELOCKED) => {
            format!("the queue `{queue}` belongs to another connection; expected one of our own")
        }
        _ => return failure(error),
    };
    Failure::new(FailureKind::Refused, detail)
}

fn soft_error(error: &lapin::Error) -> Option<&AMQPSoftError> {
    match error.kind() {
        ErrorKind::ProtocolError(refused) => match refused.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}

/// What the client's error means.
pub(super) fn failure(error: lapin::Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::ProtocolError(refused) => match refused.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => FailureKind::Unauthorized,
            AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => FailureKind::Absent,
            _ => FailureKind::Refused,
        },
        ErrorKind::MissingHeartbeatError => FailureKind::Timeout,
        ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_) => FailureKind::Malformed,
        ErrorKind::IOError(io) if io.to_string().contains("certificate") => FailureKind::Tls,
        _ => FailureKind::Connect,
    };
    Failure::new(kind, excerpt(&error.to_string()))
}
