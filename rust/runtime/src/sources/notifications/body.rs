//! A notification as it lies in the queue: JSON in an envelope of JSON.
//!
//! Pure. The text inside the envelope is the only copy that is made; what Spillway does not need
//! is skipped, and the payload is looked into only for the few events that count.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Largest body that is looked at, bytes. Nova's are some kilobytes; a server with hundreds of
/// ports and disks stays under 1 MiB.
const MAX_BYTES: usize = 4 << 20;

/// The version of oslo.messaging's envelope, which `driver = messagingv2` sends.
const ENVELOPE_VERSION: &str = "2.0";

/// A server's UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(u128);

/// A notification that Spillway counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What happened.
    pub kind: Kind,
    /// To which server.
    pub instance: Instance,
    /// The nova-compute that it happened on, by Nova's name; `None` when it was none.
    pub host: Option<String>,
    /// What the server takes of its host, where the event says so.
    pub room: Option<Room>,
}

/// Events that count, under the names that Nova's versioned notifications have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A nova-compute began to build a server; its room was claimed just before.
    CreateStart,
    /// The server runs.
    CreateEnd,
    /// This build failed; another host may try.
    CreateError,
    /// The server is gone, and its room is free.
    DeleteEnd,
    /// Room for a server's new size was claimed. Only in the versioned format, for the other
    /// does not say how much.
    ResizePrepStart,
    /// The scheduler found no host for a new server.
    NoHost,
    /// A new server failed for another reason before it reached a host.
    BuildError,
}

impl Kind {
    /// Stable name, a label of a metric.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::CreateStart => "instance.create.start",
            Kind::CreateEnd => "instance.create.end",
            Kind::CreateError => "instance.create.error",
            Kind::DeleteEnd => "instance.delete.end",
            Kind::ResizePrepStart => "instance.resize_prep.start",
            Kind::NoHost => "no_valid_host",
            Kind::BuildError => "compute_task.build_instances.error",
        }
    }

    /// The kind of an event type of either format. A failed build is refined by its reason.
    fn of(event_type: &str) -> Option<Kind> {
        Some(match event_type {
            "instance.create.start" | "compute.instance.create.start" => Kind::CreateStart,
            "instance.create.end" | "compute.instance.create.end" => Kind::CreateEnd,
            "instance.create.error" | "compute.instance.create.error" => Kind::CreateError,
            "instance.delete.end" | "compute.instance.delete.end" => Kind::DeleteEnd,
            "instance.resize_prep.start" => Kind::ResizePrepStart,
            "compute_task.build_instances.error" | "compute_task.build_instances" => {
                Kind::BuildError
            }
            _ => return None,
        })
    }
}

/// What a server takes of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mb: u32,
    /// Root, ephemeral and swap disks, GiB.
    pub disk_gb: u32,
}

/// Why a body is no notification. Never holds any of it: a notification can carry a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Poison {
    /// The body is larger than any notification.
    #[error("larger than 4 MiB")]
    TooLarge,
    /// The envelope is no JSON, or not oslo.messaging's.
    #[error("no envelope of oslo.messaging; Nova sends one with `driver = messagingv2`")]
    Envelope,
    /// The envelope is of another version.
    #[error("an envelope of another version than 2.0")]
    EnvelopeVersion,
    /// What the envelope holds is no notification.
    #[error("what is in the envelope is no notification")]
    Message,
    /// The payload of a known event has another shape.
    #[error("the payload of a known event has another shape than Nova's")]
    Payload,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "oslo.version")]
    version: Cow<'a, str>,
    #[serde(borrow, rename = "oslo.message")]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow, default)]
    publisher_id: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// A versioned object.
#[derive(Deserialize)]
struct Object<T> {
    #[serde(rename = "nova_object.data")]
    data: T,
}

/// The payload of a server's event, either format: the unversioned one has the flavor's numbers
/// beside the server's.
#[derive(Deserialize)]
struct InstancePayload<'a> {
    #[serde(borrow)]
    uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    instance_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    host: Option<Cow<'a, str>>,
    flavor: Option<Object<Flavor>>,
    new_flavor: Option<Object<Flavor>>,
    vcpus: Option<u32>,
    memory_mb: Option<u32>,
    root_gb: Option<u32>,
    ephemeral_gb: Option<u32>,
}

#[derive(Deserialize)]
struct Flavor {
    vcpus: u32,
    memory_mb: u32,
    root_gb: u32,
    ephemeral_gb: u32,
    #[serde(default)]
    swap: u32,
}

/// The payload of a failed build, either format.
#[derive(Deserialize)]
struct BuildPayload<'a> {
    #[serde(borrow)]
    instance_uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    instance_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Reason<'a> {
    #[serde(borrow)]
    exception: Cow<'a, str>,
}

/// Reads one body. `None` is a notification of an event that does not count.
///
/// # Errors
/// [`Poison`] when it is none of Nova's notifications. Never panics, and takes time and memory in
/// proportion to the body.
pub fn read(body: &[u8]) -> Result<Option<Notification>, Poison> {
    if body.len() > MAX_BYTES {
        return Err(Poison::TooLarge);
    }
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|_| Poison::Envelope)?;
    if envelope.version != ENVELOPE_VERSION {
        return Err(Poison::EnvelopeVersion);
    }
    let message: Message<'_> =
        serde_json::from_str(&envelope.message).map_err(|_| Poison::Message)?;
    let Some(kind) = Kind::of(&message.event_type) else {
        return Ok(None);
    };
    let payload = message.payload.get();
    let is_versioned = !message.event_type.starts_with("compute.instance.")
        && message.event_type != "compute_task.build_instances";
    let read = match (kind, is_versioned) {
        (Kind::BuildError, true) => {
            payload_of::<Object<_>>(payload).and_then(|object| failed_build(&object.data))
        }
        (Kind::BuildError, false) => {
            payload_of(payload).and_then(|payload| failed_build_unversioned(&payload))
        }
        (_, true) => payload_of::<Object<_>>(payload)
            .and_then(|object| server_event(kind, &object.data, &message.publisher_id)),
        (_, false) => payload_of(payload)
            .and_then(|payload| server_event(kind, &payload, &message.publisher_id)),
    };
    read.map(Some).ok_or(Poison::Payload)
}

fn payload_of<'a, T: Deserialize<'a>>(payload: &'a str) -> Option<T> {
    serde_json::from_str(payload).ok()
}

fn server_event(
    kind: Kind,
    payload: &InstancePayload<'_>,
    publisher: &str,
) -> Option<Notification> {
    let flavor = match kind {
        Kind::ResizePrepStart => payload.new_flavor.as_ref(),
        _ => payload.flavor.as_ref(),
    };
    let room = match flavor {
        Some(flavor) => Some(flavor.data.room()),
        None => payload.room(),
    };
    // A server has no host yet when its build begins, and no longer when it failed; the
    // nova-compute that speaks is the one. A deletion may be told by an API for a dead host.
    let speaks = publisher
        .strip_prefix("nova-compute:")
        .or_else(|| publisher.strip_prefix("compute."));
    let named = payload.host.as_deref();
    let host = match kind {
        Kind::DeleteEnd | Kind::CreateEnd => named.or(speaks),
        _ => speaks.or(named),
    };
    Some(Notification {
        kind,
        instance: Instance::parse(payload.uuid.as_ref().or(payload.instance_id.as_ref())?)?,
        host: host.map(str::to_owned),
        room,
    })
}

impl InstancePayload<'_> {
    fn room(&self) -> Option<Room> {
        Some(Room {
            vcpus: self.vcpus?,
            memory_mb: self.memory_mb?,
            disk_gb: self.root_gb?.saturating_add(self.ephemeral_gb?),
        })
    }
}

impl Flavor {
    fn room(&self) -> Room {
        // Placement counts swap, which flavors give in MiB, in whole GiB.
        let disks = self.root_gb.saturating_add(self.ephemeral_gb);
        Room {
            vcpus: self.vcpus,
            memory_mb: self.memory_mb,
            disk_gb: disks.saturating_add(self.swap.div_ceil(1024)),
        }
    }
}

fn failed_build(payload: &BuildPayload<'_>) -> Option<Notification> {
    // An exception that crossed RPC has `_Remote` behind its name.
    let no_host = payload.reason.is_some_and(|reason| {
        payload_of::<Object<Reason<'_>>>(reason.get()).is_some_and(|reason| {
            let name = reason.data.exception;
            name.strip_suffix("_Remote").unwrap_or(&name) == "NoValidHost"
        })
    });
    build_error(payload, no_host)
}

/// The unversioned format has the exception as a text, whose form is its serializer's.
fn failed_build_unversioned(payload: &BuildPayload<'_>) -> Option<Notification> {
    let no_host = payload
        .reason
        .is_some_and(|reason| reason.get().contains("No valid host was found"));
    build_error(payload, no_host)
}

fn build_error(payload: &BuildPayload<'_>, no_host: bool) -> Option<Notification> {
    let instance = payload
        .instance_uuid
        .as_ref()
        .or(payload.instance_id.as_ref());
    Some(Notification {
        kind: if no_host {
            Kind::NoHost
        } else {
            Kind::BuildError
        },
        instance: Instance::parse(instance?)?,
        host: None,
        room: None,
    })
}

impl Instance {
    /// Reads a UUID as Nova writes it, with hyphens and in small letters or capitals.
    fn parse(text: &str) -> Option<Instance> {
        let mut value = 0_u128;
        let mut digits = 0;
        for byte in text.bytes().filter(|byte| *byte != b'-') {
            let digit = char::from(byte).to_digit(16)?;
            value = value << 4 | u128::from(digit);
            digits += 1;
        }
        (digits == 32).then_some(Instance(value))
    }

    #[cfg(test)]
    pub(super) fn of(value: u32) -> Instance {
        Instance(value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const UUID: &str = "234d727e-f0c8-4bc3-932c-df410414f924";

    fn body(message: &Value) -> Vec<u8> {
        let envelope = json!({"oslo.version": "2.0", "oslo.message": message.to_string()});
        envelope.to_string().into_bytes()
    }

    fn object(data: Value) -> Value {
        json!({"nova_object.name": "X", "nova_object.namespace": "nova",
               "nova_object.version": "1.4", "nova_object.data": data})
    }

    /// As received from Nova 34, the keys that play no part left out.
    fn versioned(event_type: &str, publisher: &str, data: Value) -> Vec<u8> {
        body(&json!({
            "message_id": "88d01e23-1058-4c53-8f30-6cc43512a22e",
            "publisher_id": publisher,
            "event_type": event_type,
            "priority": "INFO",
            "payload": object(data),
            "timestamp": "2026-11-20 18:54:58.551458",
            "_context_auth_token": "gAAAAA-secret",
            "_unique_id": "dad284cc18c24c21b38ee0d59baff74d",
        }))
    }

    fn flavor() -> Value {
        object(
            json!({"flavorid": "382bff4d", "memory_mb": 512, "vcpus": 1, "root_gb": 1,
                      "ephemeral_gb": 2, "name": "m1.\"tiny\"", "swap": 1025, "extra_specs": {}}),
        )
    }

    /// As Nova 34 sent it.
    #[test]
    fn a_whole_notification_is_read() {
        let message = serde_json::from_str::<Value>(include_str!(
            "../../../../../tests/data/notifications/instance.create.end.json"
        ));
        let message = message.unwrap();
        let found = read(&body(&message)).unwrap().unwrap();
        assert_eq!(found.kind, Kind::CreateEnd);
        assert_eq!(found.instance, Instance::parse(UUID).unwrap());
        assert_eq!(found.host.as_deref(), Some("cloud1"));
        assert_eq!(found.room.unwrap().memory_mb, 512);
    }

    #[test]
    fn a_build_is_the_nova_computes_that_speaks() {
        let data = json!({"uuid": UUID, "host": null, "flavor": flavor(), "ip_addresses": []});
        let body = versioned("instance.create.start", "nova-compute:compute-7", data);
        let found = read(&body).unwrap().unwrap();
        assert_eq!(found.kind, Kind::CreateStart);
        assert_eq!(found.instance, Instance::parse(UUID).unwrap());
        assert_eq!(found.host.as_deref(), Some("compute-7"));
        let room = Room {
            vcpus: 1,
            memory_mb: 512,
            disk_gb: 5,
        };
        assert_eq!(found.room, Some(room));
    }

    #[test]
    fn both_formats_say_the_same() {
        let data = json!({"uuid": UUID, "host": "compute-7", "flavor": flavor()});
        let ours = read(&versioned(
            "instance.delete.end",
            "nova-compute:compute-7",
            data,
        ));
        let unversioned = body(&json!({
            "publisher_id": "compute.compute-7",
            "event_type": "compute.instance.delete.end",
            "payload": {"instance_id": UUID, "host": "compute-7", "vcpus": 1, "memory_mb": 512,
                        "root_gb": 1, "ephemeral_gb": 4, "disk_gb": 5, "instance_type": "m1.tiny"},
        }));
        assert_eq!(ours, read(&unversioned));
        assert_eq!(ours.unwrap().unwrap().kind, Kind::DeleteEnd);
    }

    #[test]
    fn a_resize_claims_the_new_flavor() {
        let mut new_flavor = flavor();
        new_flavor["nova_object.data"]["vcpus"] = json!(4);
        let data = json!({"uuid": UUID, "host": "compute-1", "flavor": flavor(),
                          "new_flavor": new_flavor});
        let body = versioned("instance.resize_prep.start", "nova-compute:compute-2", data);
        let found = read(&body).unwrap().unwrap();
        assert_eq!(found.host.as_deref(), Some("compute-2"));
        assert_eq!(found.room.unwrap().vcpus, 4);
    }

    #[test]
    fn only_the_want_of_a_host_counts_as_such() {
        for (exception, expected) in [
            ("NoValidHost", Kind::NoHost),
            ("NoValidHost_Remote", Kind::NoHost),
            ("PortNotFound", Kind::BuildError),
        ] {
            let reason = object(json!({"exception": exception, "exception_message": "No host"}));
            let data = json!({"instance_uuid": UUID, "state": "error", "reason": reason});
            let body = versioned(
                "compute_task.build_instances.error",
                "nova-conductor:c",
                data,
            );
            assert_eq!(read(&body).unwrap().unwrap().kind, expected, "{exception}");
        }
        // What Nova 34's serializer makes of the exception.
        let reason = "{'kwargs': {'reason': 'x', 'code': 500}, \
                      'message': 'No valid host was found. x', 'class': 'NoValidHost'}";
        for (reason, expected) in [(reason, Kind::NoHost), ("Port not found", Kind::BuildError)] {
            let unversioned = body(&json!({
                "publisher_id": "compute_task.conductor",
                "event_type": "compute_task.build_instances",
                "priority": "ERROR",
                "payload": {"instance_id": UUID, "instance_properties": {}, "reason": reason},
            }));
            assert_eq!(read(&unversioned).unwrap().unwrap().kind, expected);
        }
    }

    #[test]
    fn what_does_not_count_is_passed_by_whatever_its_payload() {
        let nested = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        for payload in ["null", "[1]", "\"text\"", nested.as_str()] {
            let message = format!(r#"{{"event_type": "instance.update", "payload": {payload}}}"#);
            let envelope = json!({"oslo.version": "2.0", "oslo.message": message});
            assert_eq!(read(envelope.to_string().as_bytes()), Ok(None));
        }
    }

    #[test]
    fn poison_is_named_without_its_content() {
        let envelope = |version: &str, message: &str| {
            let envelope = json!({"oslo.version": version, "oslo.message": message});
            envelope.to_string().into_bytes()
        };
        let data = json!({"uuid": "gAAAAA-secret", "flavor": flavor()});
        for (body, expected) in [
            (b"".to_vec(), Poison::Envelope),
            (b"{".to_vec(), Poison::Envelope),
            (b"\xff\xfe".to_vec(), Poison::Envelope),
            (b"[".repeat(100_000), Poison::Envelope),
            (
                br#"{"event_type": "instance.create.end"}"#.to_vec(),
                Poison::Envelope,
            ),
            (envelope("3.0", "{}"), Poison::EnvelopeVersion),
            (envelope("2.0", "gAAAAA-secret"), Poison::Message),
            (
                envelope("2.0", r#"{"event_type": 7, "payload": {}}"#),
                Poison::Message,
            ),
            (
                versioned("instance.create.end", "nova-compute:c", data),
                Poison::Payload,
            ),
            (
                versioned("instance.create.end", "nova-compute:c", json!([])),
                Poison::Payload,
            ),
            (vec![b' '; MAX_BYTES + 1], Poison::TooLarge),
        ] {
            let poison = read(&body).unwrap_err();
            assert_eq!(poison, expected);
            assert!(!format!("{poison} {poison:?}").contains("secret"));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300),
                                         message in any::<String>()) {
            let _either = read(&bytes);
            let envelope = json!({"oslo.version": "2.0", "oslo.message": message});
            let _either = read(envelope.to_string().as_bytes());
        }
    }
}
