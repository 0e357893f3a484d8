//! The inputs of pulses, whose events are stamped, and the outputs of pulses.

use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::task::{AbortHandle, spawn_local};

use super::Daemon;
use crate::config;
use crate::event::EventTask;
use crate::output::OutputTask;

/// Tasks by their names, each with its configuration.
pub(super) type Tasks<C> = BTreeMap<String, (C, AbortHandle)>;

impl Daemon {
    /// Stamps the events of these inputs, and of no others.
    pub(super) fn change_events(&mut self, wanted: &[config::EventInput]) {
        end_others(&mut self.event_inputs, wanted, |name| self.board.remove_event(name));
        for config in wanted {
            // The configuration has been checked: the clock is there.
            let Some(clock) = self.clocks.get(&config.clock) else { continue };
            if self.event_inputs.contains_key(&config.name) {
                continue;
            }
            let task = EventTask {
                config: config.clone(),
                clock: Rc::clone(&clock.clock),
                account: clock.account.clone(),
                leap: Rc::clone(&self.leap),
                log: self.events.clone(),
                board: self.board.clone(),
                recorder: self.recorder.clone(),
            };
            let running = (config.clone(), spawn_local(task.run()).abort_handle());
            self.event_inputs.insert(config.name.clone(), running);
        }
    }

    /// Puts out pulses by these outputs, and by no others.
    pub(super) async fn change_outputs(&mut self, wanted: &[config::Output]) {
        end_others(&mut self.pulse_outputs, wanted, |name| self.board.remove_output(name));
        // Those that end must not end what begins on their channel.
        tokio::task::yield_now().await;
        for config in wanted {
            // The configuration has been checked: the clock is there.
            let Some(clock) = self.clocks.get(&config.clock) else { continue };
            if self.pulse_outputs.contains_key(&config.name) {
                continue;
            }
            let task = OutputTask {
                config: config.clone(),
                clock: Rc::clone(&clock.clock),
                account: clock.account.clone(),
                board: self.board.clone(),
            };
            let running = (config.clone(), spawn_local(task.run()).abort_handle());
            self.pulse_outputs.insert(config.name.clone(), running);
        }
    }
}

/// Ends the tasks that are not wanted as they are, and tells their names.
fn end_others<C: PartialEq>(tasks: &mut Tasks<C>, wanted: &[C], ended: impl Fn(&str)) {
    tasks.retain(|name, (config, task)| {
        let stays = wanted.contains(config);
        if !stays {
            task.abort();
            ended(name);
        }
        stays
    });
}
