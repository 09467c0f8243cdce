//! The address in the view log: that of the peer, or the one that a trusted proxy names.

use libtest_mimic::Trial;
use sealdrop::config::ViewerIp;
use serde_json::{Value, json};

use super::entry;
use crate::{
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::viewers::only_trusted_proxies_are_believed", only_trusted_are_believed),
        trial("api::viewers::addresses_are_kept_as_set", addresses_are_kept_as_set),
    ]
}

/// The address in the log after one view with `headers`.
fn logged(server: &TestServer, headers: &[(&str, &str)]) -> Value {
    let id = server.client.create(json!({}));
    let path = format!("/api/secrets/{id}");
    assert_eq!(server.public.send("GET", &path, headers, b"").status, 200);
    entry(&server.client, &id)["views"][0]["viewed_by_ip"].clone()
}

fn only_trusted_are_believed() {
    let server =
        |trusted_proxies| TestServer::with(Options { trusted_proxies, ..Options::default() });
    let nobody = server(vec![]);
    let elsewhere = server(vec!["10.0.0.0/8", "::1/128"]);
    let proxy = server(vec!["127.0.0.1/32", "10.0.0.0/8", "2001:db8:f::/48"]);
    const XFF: &str = "x-forwarded-for";
    // (headers, address behind a trusted proxy)
    let cases: [(&[(&str, &str)], &str); 12] = [
        (&[], "127.0.0.1"),
        (&[(XFF, "203.0.113.9")], "203.0.113.9"),
        (&[(XFF, "6.6.6.6, 203.0.113.9")], "203.0.113.9"),
        (&[(XFF, "203.0.113.9, 10.1.1.1")], "203.0.113.9"),
        (&[(XFF, "6.6.6.6"), (XFF, "203.0.113.9")], "203.0.113.9"),
        (&[(XFF, "2001:db8::7")], "2001:db8::7"),
        (&[(XFF, "203.0.113.9, 2001:db8:f::1, 10.1.1.1")], "203.0.113.9"),
        (&[(XFF, "203.0.113.9, garbage")], "127.0.0.1"),
        (&[("forwarded", "for=6.6.6.6, for=203.0.113.9;proto=https;by=10.1.1.1")], "203.0.113.9"),
        (&[("forwarded", "For=\"[2001:db8::7]:4711\"")], "2001:db8::7"),
        (&[("forwarded", "for=6.6.6.6"), (XFF, "203.0.113.9")], "203.0.113.9"),
        (&[("x-real-ip", "6.6.6.6"), ("client-ip", "6.6.6.6")], "127.0.0.1"),
    ];
    for (headers, expected) in cases {
        assert_eq!(logged(&proxy, headers), json!(expected), "{headers:?}");
        assert_eq!(logged(&nobody, headers), json!("127.0.0.1"), "{headers:?}");
        assert_eq!(logged(&elsewhere, headers), json!("127.0.0.1"), "{headers:?}");
    }
}

fn addresses_are_kept_as_set() {
    let cases = [
        (ViewerIp::Full, json!("203.0.113.9"), json!("2001:db8:1:2:3:4:5:6")),
        (ViewerIp::Truncated, json!("203.0.113.0"), json!("2001:db8:1::")),
        (ViewerIp::Off, json!(null), json!(null)),
    ];
    for (kept, v4, v6) in cases {
        let mut options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
        options.rules.viewer_ip = kept;
        let server = TestServer::with(options);
        let from = |address| logged(&server, &[("x-forwarded-for", address)]);
        assert_eq!(from("203.0.113.9"), v4);
        assert_eq!(from("::ffff:203.0.113.9"), v4);
        assert_eq!(from("2001:db8:1:2:3:4:5:6"), v6);
    }
}
