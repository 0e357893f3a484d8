//! The control socket: how `utcctl` and scripts learn what the daemon knows.
//!
//! It only tells. No request changes anything, so that whoever may connect can neither
//! steer a clock nor hinder the daemon.

mod client;
mod paths;
mod protocol;
mod server;
mod socket;

pub use client::{Client, ClientError};
pub use paths::{DefaultPaths, Place, default_paths, own_uid};
pub use protocol::{Body, Reply, Request, RequestError, Topic, VERSION};
pub use server::{Feeds, Limits, serve};
pub use socket::{BindError, Socket};
