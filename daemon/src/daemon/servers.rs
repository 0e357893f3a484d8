//! What is given to others: the NTP server, the control socket and the metrics.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use tokio::net::TcpListener;
use tokio::task::spawn_local;
use utcd_linux::socket::NtpOver;

use super::{Daemon, StartError};
use crate::config::{self, Config};
use crate::connections::SharedCounts;
use crate::control::{self, Socket};
use crate::http;
use crate::serve_ntp::{Listen, NtpServer, Served};

impl Daemon {
    /// Serves what is published.
    pub(super) async fn serve_status(&mut self, control: PathBuf) -> Result<(), StartError> {
        let status = self.board.subscribe();
        let socket = Socket::bind(&control, self.config.control.mode)?;
        let control_counts = SharedCounts::default();
        let http_counts = SharedCounts::default();
        let feeds = control::Feeds {
            status: status.clone(),
            config: self.config_text.subscribe(),
            events: self.events.subscribe(),
        };
        let counts = control_counts.clone();
        let limits = control::Limits::default();
        let task = async move {
            control::serve(socket, feeds, limits, counts).await;
        };
        self.status_servers.push(spawn_local(task).abort_handle());
        if let Some(address) = self.config.metrics.listen {
            let listener = TcpListener::bind(address)
                .await
                .map_err(|source| StartError::Metrics { address, source })?;
            let servers = vec![("control", control_counts), ("http", http_counts.clone())];
            let feeds = http::Feeds { status, servers };
            let task = async move {
                http::serve(listener, feeds, http::Limits::default(), http_counts).await;
            };
            self.status_servers.push(spawn_local(task).abort_handle());
        }
        Ok(())
    }

    /// Serves time, if the configuration says so.
    pub(super) fn serve_ntp(&mut self) -> Result<(), StartError> {
        if let Some(config) = &self.config.serve.ntp {
            let served = self.served(config, &self.config.interfaces)?;
            self.ntp_server = Some(NtpServer::open(served, &places(config))?);
        }
        Ok(())
    }

    fn served(
        &self,
        config: &config::NtpServer,
        interfaces: &[config::Interface],
    ) -> Result<Served, StartError> {
        // The configuration has been checked: the clock is there.
        let clock = self.clocks.get(&config.clock).map(|clock| Rc::clone(&clock.clock));
        let Some(clock) = clock else {
            return Err(io::Error::other(format!("no clock {} to serve", config.clock)).into());
        };
        Ok(Served {
            clock,
            clock_name: config.clock.clone(),
            local_stratum: config.local_stratum,
            time_stamps: config.time_stamps,
            phcs: self.phcs.clone(),
            interfaces: interfaces.into(),
            leap: Rc::clone(&self.leap),
            board: self.board.clone(),
        })
    }

    /// Serves as the new configuration says, or goes on as before.
    pub(super) async fn change_ntp_server(&mut self, new: &Config) -> Result<(), StartError> {
        let Some(config) = &new.serve.ntp else {
            self.ntp_server = None;
            return Ok(());
        };
        let served = self.served(config, &new.interfaces)?;
        match &mut self.ntp_server {
            Some(server) => server.change(served, &places(config)).await?,
            None => self.ntp_server = Some(NtpServer::open(served, &places(config))?),
        }
        Ok(())
    }
}

/// Where the NTP server listens.
fn places(config: &config::NtpServer) -> Vec<Listen> {
    let over = |over| move |address: &SocketAddr| Listen { address: *address, over };
    let udp = config.listen.iter().map(over(NtpOver::Udp));
    udp.chain(config.ptp_listen.iter().flatten().map(over(NtpOver::Ptp))).collect()
}
