//! Every kind of server starts, breaks on purpose, and comes back.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use testbed::{Durability, Kind, RedisCluster, Server, Wire};

/// What a Redis on `port` answers to one command; nothing when it breaks off, or is silent.
fn ask_redis(port: u16, command: &str) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_millis(500)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    ask().unwrap_or_default()
}

#[test]
fn a_redis_that_was_killed_forgets_and_listens_again_on_its_port() {
    let mut redis = Server::start(Kind::Redis).unwrap();
    let port = redis.port();
    assert_eq!(ask_redis(port, "SET k v"), "+OK\r\n");
    redis.kill().unwrap();
    assert_eq!(ask_redis(port, "GET k"), "");
    redis.start_again().unwrap();
    assert_eq!(ask_redis(port, "GET k"), "$-1\r\n");
}

#[test]
fn a_durable_redis_that_was_killed_remembers_what_it_acknowledged() {
    let mut redis = Server::start_with(Kind::Redis, Durability::Acknowledged).unwrap();
    assert_eq!(ask_redis(redis.port(), "SET k v"), "+OK\r\n");
    redis.kill().unwrap();
    redis.start_again().unwrap();
    assert_eq!(ask_redis(redis.port(), "GET k"), "$1\r\nv\r\n");
}

#[test]
fn a_paused_server_is_silent_until_it_goes_on() {
    let redis = Server::start(Kind::Redis).unwrap();
    redis.pause().unwrap();
    assert_eq!(ask_redis(redis.port(), "PING"), "");
    redis.resume().unwrap();
    assert_eq!(ask_redis(redis.port(), "PING"), "+PONG\r\n");
}

#[test]
fn a_wire_loses_the_answer_of_what_was_done() {
    let redis = Server::start(Kind::Redis).unwrap();
    let wire = Wire::to(redis.port()).unwrap();
    assert_eq!(ask_redis(wire.port(), "SET k 1"), "+OK\r\n");
    wire.cut_after(0);
    assert_eq!(ask_redis(wire.port(), "INCR k"), "");
    wire.mend();
    assert_eq!(ask_redis(wire.port(), "GET k"), "$1\r\n2\r\n");
    wire.cut_after(2);
    assert_eq!(ask_redis(wire.port(), "GET k"), "$1");
}

#[test]
fn a_wire_counts_round_trips_and_not_packets() {
    let redis = Server::start(Kind::Redis).unwrap();
    let wire = Wire::to(redis.port()).unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, wire.port())).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answer = [0; 64];
    for round_trips in 1..=3 {
        stream.write_all(b"PI").unwrap();
        stream.write_all(b"NG\r\n").unwrap();
        let length = stream.read(&mut answer).unwrap();
        assert_eq!(&answer[..length], b"+PONG\r\n");
        assert_eq!(wire.round_trips(), round_trips);
    }
}

#[test]
fn the_nodes_of_a_cluster_share_the_slots() {
    let mut cluster = RedisCluster::start().unwrap();
    let ports: Vec<_> = cluster.nodes().iter().map(Server::port).collect();
    let answers: Vec<_> = ports.iter().map(|port| ask_redis(*port, "GET k")).collect();
    let at_home = answers.iter().filter(|answer| *answer == "$-1\r\n").count();
    let moved = answers
        .iter()
        .filter(|answer| answer.starts_with("-MOVED"))
        .count();
    assert_eq!((at_home, moved), (1, 2), "{answers:?}");
}

#[test]
fn databases_start_stop_and_start_again() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let mut server = Server::start(kind).unwrap();
        server.stop().unwrap();
        server.start_again().unwrap();
        server.kill().unwrap();
        server.start_again().unwrap();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).is_ok());
    }
}

#[test]
fn tests_of_a_process_share_a_server() {
    let first = testbed::shared(Kind::Redis).unwrap();
    assert_eq!(testbed::shared(Kind::Redis).unwrap(), first);
}

#[test]
fn what_a_process_left_that_is_gone_is_removed_by_the_next_one_and_nothing_else() {
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let folder = |owner: u32, ending: &str| {
        let path = std::env::temp_dir().join(format!("testbed-{owner}-{ending}"));
        std::fs::create_dir_all(path.join("data")).unwrap();
        path
    };
    let left = folder(gone.id(), "7");
    let own = folder(std::process::id(), "7");
    let foreign = folder(gone.id(), "notes");
    // Another process, for this one may have looked already.
    let mut next = Command::new(env!("CARGO_BIN_EXE_testbed"));
    assert!(next.arg("true").status().unwrap().success());
    let found = [&left, &own, &foreign].map(|path| path.exists());
    for path in [own, foreign] {
        std::fs::remove_dir_all(path).unwrap();
    }
    assert_eq!(found, [false, true, true]);
}
