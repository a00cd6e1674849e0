//! The source `notifications` against a real RabbitMQ, which the tests start and kill.
#![allow(missing_docs)]

mod consuming;
mod nova;
mod queues;
mod rabbitmq;
mod restarts;
mod source;
