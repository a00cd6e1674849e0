//! What Nova sends, and how.

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ExchangeKind};
use serde_json::{Value, json};

/// An exchange, and a sender to it.
pub(crate) struct Nova {
    pub(crate) exchange: String,
    pub(crate) channel: Channel,
    _connection: Connection,
}

impl Nova {
    /// A sender that has not sent anything, so that there may be no exchange.
    pub(crate) async fn silent(connection: Connection, exchange: &str) -> Self {
        let channel = connection.create_channel().await.expect("a channel");
        let confirmed = ConfirmSelectOptions::default();
        channel.confirm_select(confirmed).await.expect("confirms");
        Nova {
            exchange: exchange.to_owned(),
            channel,
            _connection: connection,
        }
    }

    pub(crate) async fn new(connection: Connection, exchange: &str) -> Self {
        let nova = Nova::silent(connection, exchange).await;
        nova.declare_exchange().await;
        nova
    }

    /// As oslo.messaging does: a topic exchange that is not durable.
    pub(crate) async fn declare_exchange(&self) {
        self.channel
            .exchange_declare(
                self.exchange.as_str().into(),
                ExchangeKind::Topic,
                ExchangeDeclareOptions::default(),
                FieldTable::default(),
            )
            .await
            .expect("the exchange");
    }

    /// Sends a body and returns when the broker has it.
    pub(crate) async fn send(&self, topic: &str, body: &[u8]) {
        let sent = self.send_unconfirmed(topic, body).await;
        sent.await.expect("confirmed");
    }

    pub(crate) async fn send_unconfirmed(
        &self,
        topic: &str,
        body: &[u8],
    ) -> lapin::PublisherConfirm {
        self.channel
            .basic_publish(
                self.exchange.as_str().into(),
                format!("{topic}.info").into(),
                BasicPublishOptions::default(),
                body,
                BasicProperties::default(),
            )
            .await
            .expect("sent")
    }

    /// Declares a queue of someone else's, bound to the exchange.
    pub(crate) async fn foreign_queue(&self, name: &str, routing_key: &str) {
        let options = QueueDeclareOptions::default();
        let declared = self
            .channel
            .queue_declare(name.into(), options, FieldTable::default());
        declared.await.expect("a queue");
        self.channel
            .queue_bind(
                name.into(),
                self.exchange.as_str().into(),
                routing_key.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .expect("bound");
    }

    /// Declares a queue with one argument only.
    pub(crate) async fn declare_queue(&self, name: &str, argument: &str, value: i64) {
        let options = QueueDeclareOptions::durable();
        let mut arguments = FieldTable::default();
        arguments.insert(argument.into(), AMQPValue::LongLongInt(value));
        let declared = self.channel.queue_declare(name.into(), options, arguments);
        declared.await.expect("a queue");
    }

    pub(crate) async fn delete_queue(&self, name: &str) {
        let options = QueueDeleteOptions::default();
        let deleted = self.channel.queue_delete(name.into(), options);
        deleted.await.expect("deleted");
    }

    /// Messages in a queue that no consumer holds.
    pub(crate) async fn n_waiting(&self, queue: &str) -> u32 {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let declared = self
            .channel
            .queue_declare(queue.into(), passive, FieldTable::default());
        declared.await.expect("the queue").message_count()
    }
}

fn body(message: &Value) -> Vec<u8> {
    let envelope = json!({"oslo.version": "2.0", "oslo.message": message.to_string()});
    envelope.to_string().into_bytes()
}

fn uuid(server: u32) -> String {
    format!("234d727e-f0c8-4bc3-932c-{server:012x}")
}

/// A notification of `instance.ACTION` in the versioned format.
pub(crate) fn versioned(action: &str, server: u32, host: &str) -> Vec<u8> {
    let flavor = json!({"nova_object.data": {"name": "m1.tiny", "vcpus": 2, "memory_mb": 512,
                        "root_gb": 1, "ephemeral_gb": 0, "swap": 0, "extra_specs": {}}});
    body(&json!({
        "message_id": uuid(server),
        "publisher_id": format!("nova-compute:{host}"),
        "event_type": format!("instance.{action}"),
        "priority": "INFO",
        "payload": {
            "nova_object.name": "InstanceCreatePayload",
            "nova_object.namespace": "nova",
            "nova_object.version": "1.13",
            "nova_object.data": {"uuid": uuid(server), "host": null, "flavor": flavor},
        },
        "timestamp": "2026-11-20 18:54:58.551458",
        "_context_auth_token": "gAAAAA-secret",
    }))
}

/// The same in the unversioned one.
pub(crate) fn unversioned(action: &str, server: u32, host: &str) -> Vec<u8> {
    body(&json!({
        "message_id": uuid(server),
        "publisher_id": format!("compute.{host}"),
        "event_type": format!("compute.instance.{action}"),
        "priority": "INFO",
        "payload": {"instance_id": uuid(server), "host": null, "vcpus": 2, "memory_mb": 512,
                    "root_gb": 1, "ephemeral_gb": 0, "disk_gb": 1},
    }))
}

/// The scheduler found no host for a server.
pub(crate) fn no_valid_host(server: u32) -> Vec<u8> {
    body(&json!({
        "publisher_id": "nova-conductor:conductor",
        "event_type": "compute_task.build_instances.error",
        "priority": "ERROR",
        "payload": {"nova_object.data": {
            "instance_uuid": uuid(server),
            "state": "error",
            "reason": {"nova_object.data": {"exception": "NoValidHost_Remote"}},
        }},
    }))
}
