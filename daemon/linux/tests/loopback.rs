//! Time-stamping UDP sockets on the loopback interface.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod common;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Free, Timestamp};
use common::{PATIENCE_MS, assert_order, notice, receive, transmitted, until_stamped, wait};
use nix::poll::PollFlags;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use utcd_linux::clock::raw_now;
use utcd_linux::socket::{
    Hardware, Local, Notice, NtpOver, OpenError, Remote, SendId, TimeSocket, client, server,
};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn pair(address: IpAddr) -> (TimeSocket, TimeSocket) {
    let server = server((address, 0).into(), NtpOver::Udp, Hardware::Unwanted).unwrap();
    let client =
        client(server.local_address().unwrap().unwrap(), NtpOver::Udp, Hardware::Unwanted).unwrap();
    (client, server)
}

/// A reading of the time base by the test itself.
fn exactly(at: Timestamp<Free>) -> Stamp {
    Stamp { at, uncertainty: 0.0, by: StampedBy::UserSpace }
}

fn kernel_stamps_lie_between_the_programs_readings(address: IpAddr) {
    let (mut client, mut server) = pair(address);
    assert_eq!(client.stamping().transmit, StampedBy::Kernel);
    assert_eq!(server.stamping().transmit, StampedBy::Kernel);
    let (request, after) = until_stamped(|| {
        let before = exactly(raw_now());
        let sent = client.send(b"request").unwrap();
        let (id, departure) = transmitted(&mut client);
        let (request, bytes) = receive(&mut server);
        let after = exactly(raw_now());
        assert_eq!((sent.id, bytes.as_slice()), (Some(id), b"request".as_slice()));
        for pair in [before, departure, request.stamp, after].windows(2) {
            assert_order(pair[0], pair[1]);
        }
        let stamped = [departure.by, request.stamp.by] == [StampedBy::Kernel; 2];
        let better = departure.uncertainty < sent.stamp.uncertainty;
        (stamped && better).then_some((request, after))
    });

    let reply = server.reply(b"answer", &request).unwrap();
    let (id, departure) = transmitted(&mut server);
    assert_eq!(reply.id, Some(id));
    let (answer, bytes) = receive(&mut client);
    assert_eq!(bytes, b"answer");
    assert_eq!(answer.from, Remote::Udp(server.local_address().unwrap().unwrap()));
    assert_order(after, departure);
    assert_order(departure, answer.stamp);
}

#[test]
fn over_ipv4_kernel_stamps_lie_between_the_programs_readings() {
    kernel_stamps_lie_between_the_programs_readings(V4);
}

#[test]
fn over_ipv6_kernel_stamps_lie_between_the_programs_readings() {
    kernel_stamps_lie_between_the_programs_readings(V6);
}

/// Loopback transmits within the call, so that a stamp lies within the call it belongs to.
struct Call {
    id: SendId,
    before: Timestamp<Free>,
    after: Timestamp<Free>,
}

fn send(socket: &mut TimeSocket) -> Call {
    let before = raw_now();
    let id = socket.send(b"numbered").unwrap().id.unwrap();
    Call { id, before, after: raw_now() }
}

fn assert_stamped(socket: &mut TimeSocket, calls: &[Call]) {
    for call in calls {
        let (id, stamp) = transmitted(socket);
        assert_eq!(id, call.id);
        assert_order(exactly(call.before), stamp);
        assert_order(stamp, exactly(call.after));
    }
    assert!(socket.notice().unwrap().is_none());
}

#[test]
fn every_stamp_finds_its_datagram_among_many_of_two_sockets() {
    let (mut one, server) = pair(V4);
    let mut other =
        client(server.local_address().unwrap().unwrap(), NtpOver::Udp, Hardware::Unwanted).unwrap();
    for batch in 1..=20 {
        let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
        for n in 0..batch {
            of_one.push(send(&mut one));
            if n % 3 != 0 {
                of_other.push(send(&mut other));
            }
        }
        assert_stamped(&mut other, &of_other);
        assert_stamped(&mut one, &of_one);
    }
}

#[test]
fn after_a_datagram_that_cannot_be_sent_stamps_still_find_theirs() {
    for address in [V4, V6] {
        let (mut client, _server) = pair(address);
        for _ in 0..5 {
            let good = send(&mut client);
            assert_stamped(&mut client, &[good]);
            let unawaited = send(&mut client);
            let error = client.send(&[0; 70_000]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(nix::libc::EMSGSIZE));
            let next = [send(&mut client), send(&mut client)];
            assert!(next[0].id > unawaited.id);
            assert_stamped(&mut client, &next);
        }
    }
}

#[test]
fn every_stamp_and_datagram_wakes_an_edge_triggered_poll() {
    let (mut client, mut server) = pair(V4);
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLERR | EpollFlags::EPOLLET;
    epoll.add(&client, EpollEvent::new(flags, 0)).unwrap();
    for _ in 0..20 {
        let waken_by = |wanted| {
            let mut events = [EpollEvent::empty()];
            assert_eq!(epoll.wait(&mut events, EpollTimeout::from(PATIENCE_MS)), Ok(1));
            assert!(events[0].events().contains(wanted), "{:?}", events[0].events());
        };
        client.send(b"request").unwrap();
        waken_by(EpollFlags::EPOLLERR);
        assert!(client.notice().unwrap().is_some() && client.notice().unwrap().is_none());

        let (request, _) = receive(&mut server);
        server.reply(b"answer", &request).unwrap();
        waken_by(EpollFlags::EPOLLIN);
        assert!(client.receive(&mut [0; 8]).unwrap().is_some());
        assert!(client.receive(&mut [0; 8]).unwrap().is_none());
    }
}

/// A port that nobody has or takes: below those that the kernel hands out.
fn closed_port(address: IpAddr) -> SocketAddr {
    let mut ports = (20_000..).map(|port| SocketAddr::new(address, port));
    ports.find(|port| UdpSocket::bind(port).is_ok()).unwrap()
}

/// Fetches notices until there is one that tells of a refusal; says who refused.
fn refusal(socket: &mut TimeSocket) -> Option<IpAddr> {
    loop {
        if let Notice::Undelivered { cause, reported_by } = notice(socket) {
            assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
            return reported_by;
        }
    }
}

#[test]
fn a_refusal_is_a_notice_and_the_socket_lives_on() {
    for address in [V4, V6] {
        let to = closed_port(address);
        let mut client = client(to, NtpOver::Udp, Hardware::Unwanted).unwrap();
        client.send(b"is anybody there?").unwrap();
        assert_eq!(refusal(&mut client), Some(address));

        // Not fetched before the next datagram is sent, or the next receive.
        client.send(b"now?").unwrap();
        client.send(b"now?").unwrap();
        assert!(client.receive(&mut [0; 8]).unwrap().is_none());
        assert_eq!(refusal(&mut client), Some(address));
        assert_eq!(refusal(&mut client), Some(address));

        let mut server = server(to, NtpOver::Udp, Hardware::Unwanted).unwrap();
        while client.notice().unwrap().is_some() {}
        let call = send(&mut client);
        assert_stamped(&mut client, &[call]);
        assert_eq!(receive(&mut server).1, b"numbered");
    }
}

#[test]
fn a_datagram_longer_than_the_buffer_is_flagged() {
    let (mut client, mut server) = pair(V4);
    for (length, truncated) in [(48, false), (49, true)] {
        client.send(&vec![7; length]).unwrap();
        assert!(wait(&server, PollFlags::POLLIN));
        let received = server.receive(&mut [0; 48]).unwrap().unwrap();
        assert_eq!((received.length, received.truncated), (48, truncated));
    }
}

#[test]
fn with_nothing_to_do_there_is_nothing() {
    let (mut client, mut server) = pair(V4);
    assert!(client.receive(&mut [0; 8]).unwrap().is_none());
    assert!(server.receive(&mut [0; 8]).unwrap().is_none());
    assert!(client.notice().unwrap().is_none());
}

#[test]
fn an_answer_leaves_from_the_address_the_request_came_to() {
    let mut server =
        server((Ipv4Addr::UNSPECIFIED, 0).into(), NtpOver::Udp, Hardware::Unwanted).unwrap();
    let port = server.local_address().unwrap().unwrap().port();
    // Connected to another address than the kernel would choose to answer from.
    let asked = Ipv4Addr::new(127, 0, 0, 2);
    let mut client = client((asked, port).into(), NtpOver::Udp, Hardware::Unwanted).unwrap();
    client.send(b"request").unwrap();
    let (request, _) = receive(&mut server);
    let Some(Local { address, interface }) = request.local else { panic!("{request:?}") };
    assert_eq!(address, IpAddr::V4(asked));
    assert!(interface > 0);
    server.reply(b"answer", &request).unwrap();
    assert_eq!(receive(&mut client).0.from, Remote::Udp((asked, port).into()));
}

#[test]
fn an_ipv6_server_leaves_ipv4_to_another() {
    let six = server((Ipv6Addr::UNSPECIFIED, 0).into(), NtpOver::Udp, Hardware::Unwanted).unwrap();
    let port = six.local_address().unwrap().unwrap().port();
    server((Ipv4Addr::UNSPECIFIED, port).into(), NtpOver::Udp, Hardware::Unwanted).unwrap();
}

#[test]
fn a_client_hears_its_server_only_and_from_a_port_of_its_own() {
    let (mut first, server) = pair(V4);
    let second =
        client(server.local_address().unwrap().unwrap(), NtpOver::Udp, Hardware::Unwanted).unwrap();
    let address = first.local_address().unwrap().unwrap();
    assert_ne!(address, second.local_address().unwrap().unwrap());
    UdpSocket::bind((V4, 0)).unwrap().send_to(b"spoofed", address).unwrap();
    first.send(b"flush").unwrap();
    assert!(first.receive(&mut [0; 8]).unwrap().is_none());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let other = UdpSocket::bind((V4, 0)).unwrap();
    let address = other.local_addr().unwrap();
    let error = server(address, NtpOver::Udp, Hardware::Unwanted).unwrap_err();
    assert!(matches!(error, OpenError::PortTaken(taken) if taken == address));
    assert!(error.to_string().contains(&format!("{address} is taken")), "{error}");
}

#[test]
fn an_address_of_another_host_is_named() {
    let error =
        server("198.51.100.7:0".parse().unwrap(), NtpOver::Udp, Hardware::Unwanted).unwrap_err();
    assert!(error.to_string().contains("no interface of this host has the address 198.51.100.7"));
}

/// A datagram that comes within a moment.
fn comes(socket: &mut TimeSocket) -> bool {
    socket.receive(&mut [0; 16]).unwrap().is_some()
}

#[test]
fn what_comes_to_a_shared_ptp_port_is_for_the_socket_that_names_most_of_it() {
    let address = |last, port| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port));
    let open = |address| server(address, NtpOver::Ptp, Hardware::Unwanted).unwrap();
    let mut everywhere = open((Ipv4Addr::UNSPECIFIED, 0).into());
    let port = everywhere.local_address().unwrap().unwrap().port();
    let mut other = open(address(2, port));
    let mut own = open(address(1, port));
    let ask = |last| client(address(last, port), NtpOver::Ptp, Hardware::Unwanted).unwrap();
    let (mut asker, mut idle) = (ask(2), ask(3));
    assert_eq!(asker.local_address().unwrap(), Some(address(1, port)));

    asker.send(b"request").unwrap();
    let (request, _) = receive(&mut other);
    assert_eq!(request.from, Remote::Udp(address(1, port)), "from the port that it goes to");
    other.reply(b"answer", &request).unwrap();
    assert_eq!(receive(&mut asker).1, b"answer");

    let stranger = UdpSocket::bind("127.0.0.4:0").unwrap();
    stranger.send_to(b"request", address(1, port)).unwrap();
    assert_eq!(receive(&mut own).1, b"request");
    stranger.send_to(b"request", address(5, port)).unwrap();
    assert_eq!(receive(&mut everywhere).1, b"request");
    for socket in [&mut everywhere, &mut other, &mut own, &mut asker, &mut idle] {
        assert!(!comes(socket), "each came to one socket only");
    }
}
