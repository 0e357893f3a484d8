//! A snapshot as text for people: the tables of `utcctl`, the daemon's live screen, and
//! its one line for the journal.
//!
//! Every text ends with a line break and has no blanks at the ends of its lines. What
//! comes from outside (names, reference identifiers, reasons) is freed of control
//! characters, so that no server on the network can write to an operator's terminal.

mod chain;
mod clocks;
mod events;
mod interfaces;
mod live;
mod sources;
mod status;
mod table;
mod text;

pub use chain::{Chain, chain};
pub use clocks::clocks;
pub use events::EventTable;
pub use interfaces::interfaces;
pub use live::{frame, line, screen};
pub use sources::sources;
pub use status::{Verdict, status, verdict};
pub use text::{Colours, span};
