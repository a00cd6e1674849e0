//! A RabbitMQ of our own: on the loopback interface, with its own port mapper, state and cookie.
//!
//! One serves all tests of this process. It dies with the process, however that ends, since a shell
//! beside it reads a pipe that only we hold.

use lapin::{Connection, ConnectionProperties};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process};
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::timeout;

/// Debian's inner script; the one in the path wants to be its own user.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// How long RabbitMQ may take to start. Seen: 12 s on two busy cores.
const READY: Duration = Duration::from_secs(180);

/// How long it may take to answer one try. Seen: 30 ms.
const ANSWER: Duration = Duration::from_secs(20);

/// Starts both, waits for a word or for the end of the pipe, and kills the whole group.
const GUARDIAN: &str = r#"
epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" &
"$SERVER" >"$STATE/out.log" 2>&1 &
read -r word
[ "$word" = restart ] || rm -rf "$STATE"
kill -KILL 0
"#;

static BROKER: OnceCell<RwLock<RabbitMq>> = OnceCell::const_new();

/// The broker, for a test that leaves it alone.
pub(crate) async fn broker() -> RwLockReadGuard<'static, RabbitMq> {
    shared().await.read().await
}

/// The broker, for a test that stops it. No other test uses it meanwhile.
pub(crate) async fn broker_to_stop() -> RwLockWriteGuard<'static, RabbitMq> {
    shared().await.write().await
}

async fn shared() -> &'static RwLock<RabbitMq> {
    BROKER
        .get_or_init(|| async {
            let mut rabbitmq = RabbitMq::prepare();
            rabbitmq.start();
            rabbitmq.wait_until_ready().await;
            RwLock::new(rabbitmq)
        })
        .await
}

pub(crate) struct RabbitMq {
    state: PathBuf,
    port: u16,
    distribution_port: u16,
    epmd_port: u16,
    guardian: Option<Child>,
}

impl RabbitMq {
    fn prepare() -> Self {
        assert!(
            Path::new(SERVER).exists(),
            "{SERVER} is missing; install it with `apt-get install rabbitmq-server`"
        );
        let state = env::temp_dir().join(format!("spillway-broker-{}", process::id()));
        fs::create_dir_all(state.join("mnesia")).expect("a folder for the broker");
        fs::write(state.join("enabled_plugins"), "[].\n").expect("written");
        let cookie = state.join(".erlang.cookie");
        fs::write(&cookie, format!("COOKIE{}", process::id())).expect("written");
        fs::set_permissions(&cookie, fs::Permissions::from_mode(0o400)).expect("permitted");
        RabbitMq {
            state,
            port: free_port(),
            distribution_port: free_port(),
            epmd_port: free_port(),
            guardian: None,
        }
    }

    /// Address without credentials.
    pub(crate) fn url(&self) -> String {
        format!("amqp://127.0.0.1:{}/%2F", self.port)
    }

    pub(crate) async fn connect(&self) -> Connection {
        self.try_to_connect()
            .await
            .expect("a connection to the broker")
    }

    /// `None` when it does not answer. The client alone may wait for ever: seen with a try that fell
    /// between a broker's end and its next start, for which no socket was left.
    async fn try_to_connect(&self) -> Option<Connection> {
        let url = self.url();
        let connecting = Connection::connect(&url, ConnectionProperties::default());
        timeout(ANSWER, connecting).await.ok()?.ok()
    }

    /// Starts it; it is ready some time later.
    pub(crate) fn start(&mut self) {
        let loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", GUARDIAN]).process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
            .env("SERVER", SERVER)
            .env("STATE", &self.state)
            .env("HOME", &self.state)
            .env(
                "RABBITMQ_NODENAME",
                format!("spillway{}@localhost", self.port),
            )
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", self.state.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", self.state.join("log"))
            .env("RABBITMQ_PID_FILE", self.state.join("pid"))
            .env(
                "RABBITMQ_ENABLED_PLUGINS_FILE",
                self.state.join("enabled_plugins"),
            )
            .env("RABBITMQ_CONFIG_FILE", self.state.join("none"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                format!("{loopback} +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"),
            )
            .env("RABBITMQ_CTL_ERL_ARGS", loopback);
        self.guardian = Some(command.spawn().expect("a shell"));
    }

    /// Kills it as a power cut would, and keeps what it wrote.
    pub(crate) fn kill(&mut self) {
        let mut guardian = self.guardian.take().expect("a running broker");
        let mut pipe = guardian.stdin.take().expect("a pipe");
        pipe.write_all(b"restart\n").expect("told");
        guardian.wait().expect("the guardian's end");
    }

    /// Sends a signal to all of it.
    pub(crate) fn signal(&self, name: &str) {
        let guardian = self.guardian.as_ref().expect("a running broker");
        let group = format!("-{}", guardian.id());
        let sent = Command::new("/bin/kill")
            .args(["-s", name, "--", &group])
            .status();
        assert!(sent.expect("kill").success());
    }

    /// Returns when it answers.
    pub(crate) async fn wait_until_ready(&self) {
        let deadline = Instant::now() + READY;
        while self.try_to_connect().await.is_none() {
            let log = fs::read_to_string(self.state.join("out.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "RabbitMQ did not start: {log}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    listener.local_addr().expect("an address").port()
}
