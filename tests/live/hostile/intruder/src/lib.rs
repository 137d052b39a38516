//! Tries what the field `attempt` of its request names, and answers with what came of it: `{"got": […]}` names whatever
//! worked that must not. Every bomb is bounded.

mod answers;
mod reach;
mod resources;

use std::{env, fs, io, net, path::Path};

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{IncomingRequest, ResponseOutparam},
};

wasip2::http::proxy::export!(Intruder);

struct Intruder;

impl Guest for Intruder {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let asked = answers::read(request);
        let field = |name: &str| field(&asked, name).unwrap_or_default();
        let attempt = field("attempt");
        let got = match attempt.as_str() {
            "files" => files(&field("home")),
            "directories" => wasip2::filesystem::preopens::get_directories()
                .into_iter()
                .map(|(_, path)| path)
                .collect(),
            "environment" => environment(),
            "sockets" => reach::sockets(&field("port"), &[&field("host"), &field("outside")]),
            "requests" => reach::requests(&field("port"), &[&field("host"), &field("outside")]),
            other if answers::forge(other, &out) => return answers::send(out, br#"{"second":true}"#),
            other => resources::exhaust(other),
        };
        let names: Vec<String> = got.iter().map(|name| format!("{name:?}")).collect();
        answers::send(out, format!("{{\"got\":[{}]}}", names.join(",")).as_bytes());
    }
}

/// A field of flat JSON whose values hold no escapes.
fn field(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("\"{name}\":"))?;
    let rest = rest.trim_start();
    Some(match rest.strip_prefix('"') {
        Some(rest) => rest.split('"').next()?.to_owned(),
        None => rest.split([',', '}']).next()?.trim().to_owned(),
    })
}

fn named<T>(attempts: Vec<(String, io::Result<T>)>) -> Vec<String> {
    attempts
        .into_iter()
        .filter(|(_, result)| result.is_ok())
        .map(|(name, _)| name)
        .collect()
}

fn files(home: &str) -> Vec<String> {
    let places = [
        "/",
        ".",
        "..",
        "../../../../..",
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/self/fd/3",
        "/compiled",
        "/tmp",
        "/dev/null",
    ];
    let homes = [
        home.to_owned(),
        format!("{home}/secret"),
        format!("../../../../../../..{home}/secret"),
        format!("{home}/data"),
    ];
    let mut attempts = Vec::new();
    for place in places.into_iter().map(str::to_owned).chain(homes) {
        attempts.push((format!("read {place}"), fs::read(&place).map(drop)));
        attempts.push((format!("list {place}"), fs::read_dir(&place).map(drop)));
        attempts.push((format!("look at {place}"), fs::metadata(&place).map(drop)));
        attempts.push((format!("write {place}"), fs::write(Path::new(&place).join("x"), "x")));
        attempts.push((format!("make {place}"), fs::create_dir(Path::new(&place).join("d"))));
        attempts.push((format!("link {place}"), fs::hard_link(&place, "linked")));
        attempts.push((format!("move {place}"), fs::rename(&place, "moved")));
        attempts.push((format!("remove {place}"), fs::remove_file(&place)));
        attempts.push((format!("follow {place}"), fs::read_link(&place).map(drop)));
    }
    named(attempts)
}

/// Variables that are not the activation's own.
fn environment() -> Vec<String> {
    env::vars()
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with("__OW_"))
        .collect()
}

/// Addresses of a host and port; none if there is no such name.
fn addresses(host: &str, port: &str) -> Vec<net::SocketAddr> {
    format!("{host}:{port}").parse().into_iter().collect()
}
