//! Whether a port answers Pdelay_Req in one step or in two (IEEE 1588-2019 11.4.2), and why.

use ptp::PdelayAnswer;
use utcd_linux::interface::{HardwareStamping, TwoStep};

use super::Context;
use super::stamper::Stamper;
use crate::status::PdelayRespStatus;

/// How a port with the stamps of a NIC does it. Without them it is in two steps, and there
/// is nothing to be said.
#[derive(Debug, Default)]
pub(super) struct Answering {
    /// The NIC, and why it is in two steps.
    now: Option<(String, Result<(), TwoStep>)>,
}

impl Answering {
    /// How to answer from now on, as the NIC is set at this moment: another program may set it
    /// otherwise at any time. Says so when that changes.
    pub(super) fn look(
        &mut self,
        context: &Context,
        stamper: &Stamper,
        granted: Option<&HardwareStamping>,
    ) -> PdelayAnswer {
        let granted = granted.filter(|_| stamper.is_hardware());
        let now = granted.map(|granted| (granted.nic.clone(), granted.one_step_now()));
        if let (Some((nic, steps)), true) = (&now, now != self.now) {
            match steps {
                Ok(()) => {
                    tracing::info!("source {}: {nic} sends Pdelay_Resp in one step", context.name);
                }
                Err(reason) => tracing::info!(
                    "source {}: {nic} sends Pdelay_Resp in two steps: {reason}",
                    context.name
                ),
            }
        }
        self.now = now;
        match self.now {
            Some((_, Ok(()))) => PdelayAnswer::OneStep { latencies: stamper.latencies() },
            Some((_, Err(_))) | None => PdelayAnswer::TwoStep,
        }
    }

    /// What is to be shown of it.
    pub(super) fn status(&self) -> Option<PdelayRespStatus> {
        let (nic, steps) = self.now.as_ref()?;
        let two_step_because = steps.err().map(|reason| reason.to_string());
        Some(PdelayRespStatus { nic: nic.clone(), two_step_because })
    }
}
