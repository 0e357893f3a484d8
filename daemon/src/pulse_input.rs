//! Where pulses come in: a device by which the kernel stamps them (`/dev/ppsN`, RFC 2783),
//! or a channel of a PTP hardware clock.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use clock_models::comparison::Stamp;
use tokio::sync::watch;
use utcd_linux::phc::{Edges, Polarity};
use utcd_linux::pps::{Edge, Pps};

use crate::config::PulseEdge;
use crate::host_clock::{HostClock, PulseError, SharedPhc};
use crate::net::AsyncDevice;

/// Expanded uncertainty (k = 2) of a stamp where the file does not say, s.
const DEVICE_UNCERTAINTY: f64 = 20e-6;
const CHANNEL_UNCERTAINTY: f64 = 100e-9;

/// Where the pulses of one line come in.
#[derive(Debug)]
pub struct PulseInput(Way);

#[derive(Debug)]
enum Way {
    Device(AsyncDevice<Pps>),
    Channel { phc: Rc<RefCell<SharedPhc>>, channel: u32, wake: watch::Receiver<()>, opened: u64 },
}

/// Where an operator says that they come in.
#[derive(Debug, Clone, Copy)]
pub struct PulsePlace<'a> {
    /// The device of the kernel, or
    pub device: Option<&'a Path>,
    /// the channel of the clock itself,
    pub channel: Option<u32>,
    /// with the pin that leads to it.
    pub pin: Option<u32>,
    /// Which edge counts.
    pub edge: PulseEdge,
}

/// What came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pulse {
    /// When it came, in the time base of the clock; `None` where the stamp cannot be
    /// brought there.
    pub stamp: Option<Stamp>,
    /// Pulses before it that were not fetched in time.
    pub missed: u32,
}

impl PulsePlace<'_> {
    /// Opens it for the pulses that come from now on; `name` is that of the clock. Also
    /// says whether the edges are those that were asked for.
    ///
    /// # Errors
    /// What is missing, or what the device, its driver or the kernel refuses.
    pub fn open(&self, clock: &HostClock, name: &str) -> Result<(PulseInput, Polarity), String> {
        let (way, polarity) = match (self.device, self.channel) {
            (Some(path), _) => {
                let way = self.open_device(path).map_err(|error| error.to_string())?;
                (way, Polarity::AsAsked)
            }
            (None, Some(channel)) => self.open_channel(channel, clock, name)?,
            // The configuration has been checked: one of them is given.
            (None, None) => return Err("neither a device nor a channel is configured".to_owned()),
        };
        Ok((PulseInput(way), polarity))
    }

    fn open_device(&self, path: &Path) -> io::Result<Way> {
        let edge = match self.edge {
            PulseEdge::Rising => Edge::Assert,
            PulseEdge::Falling => Edge::Clear,
        };
        let pps = Pps::open_path(path, edge).map_err(io::Error::other)?;
        AsyncDevice::new(pps).map(Way::Device)
    }

    fn open_channel(
        &self,
        channel: u32,
        clock: &HostClock,
        name: &str,
    ) -> Result<(Way, Polarity), String> {
        let phc = clock.shared_phc().ok_or_else(|| format!("{name} is no phc"))?;
        let edges = match self.edge {
            PulseEdge::Rising => Edges::Rising,
            PulseEdge::Falling => Edges::Falling,
        };
        let listened = phc.borrow_mut().listen(channel, self.pin, edges);
        let (wake, polarity) = listened.map_err(|error| error.to_string())?;
        let opened = phc.borrow().opened();
        Ok((Way::Channel { phc, channel, wake, opened }, polarity))
    }

    /// In words.
    #[must_use]
    pub fn name(&self) -> String {
        let channel = || format!("channel {}", self.channel.unwrap_or_default());
        self.device.map_or_else(channel, |path| path.display().to_string())
    }

    /// In words, with the edges that come once it is open.
    #[must_use]
    pub fn with_edges(&self, polarity: Option<Polarity>) -> String {
        let edges = match (polarity, self.edge) {
            (None, _) => return self.name(),
            (Some(Polarity::UpToDriver), _) => "maybe both edges",
            (Some(Polarity::AsAsked), PulseEdge::Rising) => "rising edge",
            (Some(Polarity::AsAsked), PulseEdge::Falling) => "falling edge",
        };
        format!("{}, {edges}", self.name())
    }

    /// Expanded uncertainty (k = 2) of a stamp where nobody says, s.
    #[must_use]
    pub const fn usual_uncertainty(&self) -> f64 {
        if self.device.is_some() { DEVICE_UNCERTAINTY } else { CHANNEL_UNCERTAINTY }
    }
}

impl Drop for PulseInput {
    fn drop(&mut self) {
        if let Way::Channel { phc, channel, .. } = &self.0 {
            phc.borrow_mut().unlisten(*channel);
        }
    }
}

impl PulseInput {
    /// Waits until there may be a pulse. The caller then takes them until there is no more.
    ///
    /// # Errors
    /// The poller's, or the device is gone: it is to be opened again.
    pub async fn wait(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Way::Device(device) => device.wait().await,
            Way::Channel { wake, .. } => {
                wake.changed().await.map_err(|_| io::Error::other(PulseError::Gone))
            }
        }
    }

    /// The next pulse, stamped in the time base of `clock`.
    ///
    /// # Errors
    /// The device is gone: it is to be opened again.
    pub fn pulse(&mut self, clock: &HostClock) -> Result<Option<Pulse>, String> {
        match &mut self.0 {
            Way::Device(device) => {
                let pulse = device.get_mut().pulse().map_err(|error| error.to_string())?;
                Ok(pulse.map(|pulse| Pulse {
                    stamp: pulse.stamp.map(|stamp| clock.stamp(stamp)),
                    missed: pulse.missed,
                }))
            }
            Way::Channel { phc, channel, opened, .. } => {
                if phc.borrow().opened() != *opened {
                    return Err("the PTP hardware clock was away, or the host suspended".to_owned());
                }
                let at = phc.borrow_mut().pulse(*channel).map_err(|error| error.to_string())?;
                let Some(at) = at else { return Ok(None) };
                Ok(Some(Pulse { stamp: clock.pulse_stamp(at), missed: 0 }))
            }
        }
    }

    /// How often so many pulses waited to be fetched that some may be lost, uncounted.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        match &self.0 {
            // The kernel counts those.
            Way::Device(_) => 0,
            Way::Channel { phc, .. } => phc.borrow().overruns(),
        }
    }
}
