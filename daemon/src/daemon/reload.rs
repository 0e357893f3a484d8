//! How a running daemon takes a new configuration.

use std::sync::Arc;

use super::Daemon;
use crate::clock_task::Order;
use crate::config::{self, Config};
use crate::leap;

impl Daemon {
    /// Reads the file again. One that is wrong is refused, and the old one stays in force.
    pub(super) async fn reload(&mut self) {
        let Some(place) = self.place.clone() else {
            tracing::warn!("reload: utcd runs without a configuration file; nothing to read");
            return;
        };
        let new = match Config::load(&place) {
            Ok(new) => new,
            Err(error) => {
                tracing::error!("reload refused, the old configuration stays in force:\n{error}");
                return;
            }
        };
        if let Some(reason) = self.cannot_become(&new) {
            tracing::error!(
                "reload refused, the old configuration stays in force: {reason}; restart utcd to \
                 change that"
            );
            return;
        }
        if let Err(error) = self.change_ntp_server(&new).await {
            tracing::error!("reload refused, the old configuration stays in force: {error}");
            return;
        }
        self.become_(new).await;
        tracing::info!("reloaded {}", place.display());
    }

    /// What only a restart can change, if that is asked for.
    fn cannot_become(&self, new: &Config) -> Option<String> {
        let identity = |config: &Config| -> Vec<_> {
            let identity = |c: &config::Clock| {
                let place = (c.interface.clone(), c.device.clone(), c.timescale);
                (c.name.clone(), c.clock_type, c.mode, place)
            };
            config.clocks.iter().map(identity).collect()
        };
        if identity(&self.config) != identity(new) {
            return Some(
                "clocks were added, removed, or changed in name, type, mode or device".into(),
            );
        }
        if self.config.metrics != new.metrics || self.config.control != new.control {
            return Some("[metrics] or [control] has changed".into());
        }
        if self.config.record != new.record {
            return Some("[record] has changed".into());
        }
        (self.config.log != new.log).then(|| "[log] has changed".into())
    }

    /// Goes on by the new configuration.
    async fn become_(&mut self, new: Config) {
        let mut choice = leap::choose(new.leap_seconds.file.as_deref());
        choice.table.keep_announced(&self.leap.borrow());
        *self.leap.borrow_mut() = choice.table;
        self.leap_name = choice.name;
        for config in &new.clocks {
            if let Some(running) = self.clocks.get_mut(&config.name) {
                running.config = config.clone();
                let order = Order::Reconfigure(Box::new(config.clone()));
                let _ = running.orders.send(order).await;
            }
        }
        self.remember_frequencies();
        self.change_sources(&new).await;
        self.change_events(&new.events);
        self.change_outputs(&new.outputs).await;
        self.config_text.send_replace(Arc::new(new.to_string()));
        self.config = new;
    }
}
