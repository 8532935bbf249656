//! Every kind of server starts, breaks on purpose, and comes back.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

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
fn the_nodes_of_a_cluster_send_clients_to_wires_and_after_a_restart_again() {
    let mut cluster = RedisCluster::start().unwrap();
    let wires = cluster.lay_wires().unwrap();
    let places: Vec<_> = wires
        .iter()
        .map(|wire| format!("127.0.0.1:{}\r\n", wire.port()))
        .collect();
    for number in 0..wires.len() {
        let node = &mut cluster.nodes()[number];
        node.kill().unwrap();
        wires[number].cut();
        assert_eq!(ask_redis(wires[number].port(), "GET k"), "");
        node.start_again().unwrap();
        cluster.wait().unwrap();
        let answers = wires.iter().map(|wire| ask_redis(wire.port(), "GET k"));
        let answers: Vec<_> = answers.collect();
        let at_home = answers.iter().position(|answer| answer == "$-1\r\n");
        let at_home = &places[at_home.unwrap()];
        let sent = answers.iter().filter(|answer| answer.ends_with(at_home));
        assert_eq!(sent.count(), 2, "{answers:?}");
    }
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

/// PostgreSQL has a process for each connection, which outlives it for a moment, and for as long
/// as it is paused.
#[test]
fn nobody_answers_on_a_connection_to_a_database_that_was_killed() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let mut server = Server::start(kind).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        if kind == Kind::Postgres {
            // Asks for TLS, which is answered with a letter. The other one greets by itself.
            client.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
        }
        client.read_exact(&mut [0]).unwrap();
        client.set_nonblocking(true).unwrap();
        server.pause().unwrap();
        server.kill().unwrap();
        let end = client.read_to_end(&mut Vec::new());
        let waits = |error: &std::io::Error| error.kind() == ErrorKind::WouldBlock;
        assert!(!end.as_ref().is_err_and(waits), "{kind:?}: {end:?}");
    }
}

#[test]
fn tests_of_a_process_share_a_server() {
    let first = testbed::shared(Kind::Redis).unwrap();
    assert_eq!(testbed::shared(Kind::Redis).unwrap(), first);
}

/// With this, the process is one that leaves a server behind.
const JOB: &str = "TESTBED_JOB";

#[test]
fn a_process_that_ends_or_is_killed_leaves_no_folder() {
    if std::env::var_os(JOB).is_some() {
        testbed::shared(Kind::Redis).unwrap();
        println!("ready");
        let mut until_the_end = String::new();
        std::io::stdin().read_line(&mut until_the_end).unwrap();
        return;
    }
    let place = std::env::temp_dir().join(format!("testbed-test-{}", std::process::id()));
    std::fs::create_dir(&place).unwrap();
    let mut killed = leave_behind(&place);
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    until_empty(&place);
    let mut ended = leave_behind(&place);
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1);
    drop(ended.stdin.take());
    ended.wait().unwrap();
    until_empty(&place);
    std::fs::remove_dir(&place).unwrap();
}

/// A process that has started a server in the folder, and ends when its input does.
fn leave_behind(place: &Path) -> Child {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("a_process_that_ends_or_is_killed_leaves_no_folder")
        .env(JOB, "leave a server behind")
        .env("TMPDIR", place)
        .env_remove(Kind::Redis.variable())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap());
    let mut lines = said.by_ref().lines();
    assert!(lines.any(|line| line.unwrap().ends_with("ready")));
    // The harness of the tests goes on to say something.
    process.stdout = Some(said.into_inner());
    process
}

fn until_empty(place: &Path) {
    let began = Instant::now();
    while std::fs::read_dir(place).unwrap().count() > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "it stays");
        sleep(Duration::from_millis(20));
    }
}
