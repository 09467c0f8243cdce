//! `/api/account/keys`: an account manages its API keys.

use libtest_mimic::Trial;
use sealdrop::{
    clock::UnixDay,
    domain::account::api_key::{KeyKind, of_account},
    store::Store,
};
use serde_json::{Value, json};

use super::{
    public::anybody,
    races::{at_once, count},
};
use crate::{
    http::{Answer, Client, secret_with},
    raw::{Raw, request},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::account_keys::from_creation_to_revocation", from_creation_to_revocation),
        trial("api::account_keys::names_are_one_line", names_are_one_line),
        trial("api::account_keys::bad_input_changes_nothing", bad_input_changes_nothing),
        trial("api::account_keys::only_private_keys_of_the_account", only_private_keys),
        trial("api::account_keys::a_private_key_stays", a_private_key_stays),
        trial("api::account_keys::revocations_at_once_leave_one", revocations_at_once_leave_one),
        trial("api::account_keys::a_revoked_key_ends_requests_under_way", requests_under_way),
        trial("api::account_keys::creations_at_once_keep_the_limit", creations_keep_the_limit),
        trial("api::account_keys::the_last_use_survives_a_restart", the_last_use_survives),
        trial("api::account_keys::a_sign_in_link_names_its_key", a_sign_in_link_names_its_key),
    ]
}

const PATH: &str = "/api/account/keys";

fn listed(client: &Client) -> Vec<Value> {
    let answer = client.get(PATH);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["metadata"]["secret_requests_allowance"].is_u64());
    answer.json()["data"].as_array().expect("a list").clone()
}

fn create(client: &Client, body: &Value) -> (String, Client) {
    let answer = client.post(PATH, body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let data = &answer.json()["data"];
    let text = |name: &str| data[name].as_str().expect("a text").to_owned();
    (text("id"), client.with_key(text("key")))
}

fn rename(client: &Client, id: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    client.send("PATCH", &format!("{PATH}/{id}"), &headers, body.to_string().as_bytes())
}

fn revoke(client: &Client, id: &str) -> Answer {
    client.delete(&format!("{PATH}/{id}"))
}

/// The id of the key of the client itself.
fn own(client: &Client) -> String {
    let all = listed(client);
    let own: Vec<&Value> = all.iter().filter(|key| key["current"] == json!(true)).collect();
    assert_eq!(own.len(), 1, "{all:?}");
    own[0]["id"].as_str().expect("an id").to_owned()
}

fn from_creation_to_revocation() {
    let server = TestServer::start();
    let before = listed(&server.client);
    let seen: Vec<_> =
        before.iter().map(|key| (&key["kind"], &key["name"], &key["last_used_on"])).collect();
    let (null, today) = (json!(null), json!("2026-11-22"));
    let (private, public) = (json!("private"), json!("public"));
    assert_eq!(seen.len(), 2);
    assert!(seen.contains(&(&private, &null, &today)), "its own use counts: {seen:?}");
    assert!(seen.contains(&(&public, &null, &null)), "{seen:?}");
    assert!(!server.client.get(PATH).text().contains("_key_"), "no key is in the list");

    let (id, page) = create(&server.client, &json!({"kind": "public", "name": " Web page "}));
    assert!(page.key.starts_with("public_key_") && page.key.len() == 75);
    assert_eq!(page.get("/api/secrets").status, 403);
    let secret = server.client.create(json!({}));
    assert_eq!(page.view(&secret).status, 200);
    server.clock.advance(86_400);
    let found = listed(&server.client).into_iter().find(|key| key["id"] == json!(id));
    assert_eq!(
        found.expect("the new key"),
        json!({
            "id": id, "kind": "public", "name": "Web page", "created_at": "2026-11-22T12:00:00Z",
            "last_used_on": "2026-11-22", "current": false,
        })
    );
    let answer = rename(&server.client, &id, &json!({"name": "Shop"}));
    assert_eq!((answer.status, &answer.json()["data"]["name"]), (200, &json!("Shop")));
    // Without the field, nothing changes; null and an empty text remove the name.
    for (body, name) in [
        (json!({}), json!("Shop")),
        (json!({"other": 1}), json!("Shop")),
        (json!({"name": ""}), null.clone()),
        (json!({"name": "Shop"}), json!("Shop")),
        (json!({"name": null}), null.clone()),
    ] {
        let answer = rename(&server.client, &id, &body);
        assert_eq!((answer.status, &answer.json()["data"]["name"]), (200, &name), "{body}");
    }
    let secret = server.client.create(json!({}));
    assert_eq!(page.view(&secret).status, 200, "a renamed key works");
    let secret = server.client.create(json!({}));
    let answer = revoke(&server.client, &id);
    assert_eq!((answer.status, &answer.json()["data"]), (200, &null));
    assert_eq!(page.view(&secret).status, 403);
    assert_eq!(revoke(&server.client, &id).status, 404);
    assert_eq!(listed(&server.client).len(), before.len());
    assert_eq!(server.public.view(&secret).status, 200, "the others work");
}

fn names_are_one_line() {
    let server = TestServer::start();
    let id = own(&server.client);
    let long = "\u{e5}".repeat(60);
    for (given, name) in [("  Åsa & Bo ", "Åsa & Bo"), ("日本", "日本"), (&long, &long)] {
        let answer = rename(&server.client, &id, &json!({"name": given}));
        assert_eq!((answer.status, &answer.json()["data"]["name"]), (200, &json!(name)));
        let (other, _) = create(&server.client, &json!({"kind": "public", "name": given}));
        revoke(&server.client, &other);
    }
    let count = listed(&server.client).len();
    for bad in
        ["\u{e5}".repeat(61), "a\nb".into(), "a\u{0}".into(), "a\u{202e}b".into(), "\u{a0}".into()]
    {
        let body = json!({"name": bad, "kind": "private"});
        assert_eq!(rename(&server.client, &id, &body).error(), (422, json!("name")), "{bad:?}");
        assert_eq!(server.client.post(PATH, &body).error(), (422, json!("name")), "{bad:?}");
    }
    let all = listed(&server.client);
    assert_eq!(all.len(), count);
    assert!(all.iter().any(|key| key["name"] == json!(long)));
}

fn bad_input_changes_nothing() {
    let server = TestServer::start();
    let before = listed(&server.client);
    for (body, field) in [
        (json!({}), "kind"),
        (json!({"kind": null}), "kind"),
        (json!({"kind": ""}), "kind"),
        (json!({"kind": "Private"}), "kind"),
        (json!({"kind": "both"}), "kind"),
        (json!({"kind": 1}), "kind"),
        (json!({"kind": "public", "name": 1}), "name"),
    ] {
        let answer = server.client.post(PATH, &body);
        assert_eq!(answer.error(), (422, json!(field)), "{body}");
    }
    for (query, status) in [("own=1", 422), ("own=yes", 422), ("own=true&own=true", 422)] {
        let answer = server.client.delete(&format!("{PATH}/{}?{query}", own(&server.client)));
        assert_eq!(answer.error(), (status, json!("own")), "{query}");
    }
    for id in ["x", "000000000000", "00", &server.client.key] {
        assert_eq!(revoke(&server.client, id).error(), (404, json!(null)), "{id}");
        let renamed = rename(&server.client, id, &json!({"name": "x"}));
        assert_eq!(renamed.error(), (404, json!(null)), "{id}");
    }
    assert_eq!(listed(&server.client), before);
}

fn only_private_keys() {
    let server = TestServer::start();
    let other = server.other_account();
    let theirs = own(&other);
    // A refused call is a use of the key, too.
    assert_eq!(server.public.get(PATH).status, 403);
    let (mine, before) = (own(&server.client), listed(&server.client));
    // Another account's key is like an unknown one.
    assert_eq!(revoke(&server.client, &theirs).error(), (404, json!(null)));
    let renamed = rename(&server.client, &theirs, &json!({"name": "stolen"}));
    assert_eq!(renamed.error(), (404, json!(null)));
    assert!(listed(&other).iter().all(|key| key["name"] == json!(null)));
    assert!(!listed(&other).iter().any(|key| key["id"] == json!(mine)));
    // A public key manages nothing, not even itself.
    let id = before.iter().find(|key| key["kind"] == "public").expect("one")["id"].clone();
    let id = id.as_str().expect("an id");
    for (client, status) in [(&server.public, 403), (&anybody(&server), 401)] {
        assert_eq!(client.get(PATH).status, status);
        assert_eq!(client.post(PATH, &json!({"kind": "private"})).status, status);
        for id in [id, &mine, "000000000000"] {
            assert_eq!(rename(client, id, &json!({"name": "x"})).status, status);
            assert_eq!(revoke(client, id).status, status);
            assert_eq!(client.delete(&format!("{PATH}/{id}?own=true")).status, status);
        }
    }
    assert_eq!(listed(&server.client), before);
}

fn a_private_key_stays() {
    let server = TestServer::start();
    let (mine, own_path) = (own(&server.client), format!("{PATH}/{}", own(&server.client)));
    for path in [own_path.clone(), format!("{own_path}?own=true")] {
        let answer = server.client.delete(&path);
        assert_eq!(answer.error(), (409, json!(null)), "{path}");
        assert!(answer.text().contains("only private key"), "{}", answer.text());
    }
    let (id, second) = create(&server.client, &json!({"kind": "private"}));
    let answer = server.client.delete(&format!("{own_path}?own=false"));
    assert_eq!(answer.error(), (409, json!(null)));
    assert!(answer.text().contains("own=true"), "{}", answer.text());
    assert_eq!(server.client.get("/api/account").status, 200);
    let answer = server.client.delete(&format!("{own_path}?own=true"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(server.client.get("/api/account").status, 403);
    assert!(listed(&second).iter().all(|key| key["id"] != json!(mine)));
    // Public keys do not count.
    create(&second, &json!({"kind": "public"}));
    assert_eq!(second.delete(&format!("{PATH}/{id}?own=true")).status, 409);
}

fn revocations_at_once_leave_one() {
    let server = TestServer::start();
    let mut kept = server.client.clone();
    for _ in 0..12 {
        let (_, second) = create(&kept, &json!({"kind": "private"}));
        let clients = [kept.clone(), second];
        let ids = clients.each_ref().map(own);
        // Each revokes the other one, or itself.
        let statuses = at_once(4, |number| {
            let (client, target) =
                (&clients[number % 2], &ids[usize::from(number < 2) ^ (number % 2)]);
            client.delete(&format!("{PATH}/{target}?own=true")).status
        });
        assert_eq!(count(&statuses, 200), 1, "{statuses:?}");
        let works = clients.iter().filter(|client| client.get("/api/account").status == 200);
        let works: Vec<&Client> = works.collect();
        assert_eq!(works.len(), 1, "{statuses:?}");
        kept = works[0].clone();
    }
    let private = listed(&kept).iter().filter(|key| key["kind"] == "private").count();
    assert_eq!(private, 1);
}

fn requests_under_way() {
    let server = TestServer::start();
    let before = super::seen(&server.client);
    let keys = listed(&server.client).len();
    let calls = [
        ("POST", "/api/secrets", secret_with(json!({}))),
        ("POST", "/api/secret_requests", json!({"message": "m"})),
        ("PUT", "/api/account", json!({"display_name": "n"})),
        ("POST", "/api/account/webhooks", json!({"url": "https://example.org/"})),
        ("POST", PATH, json!({"kind": "private"})),
    ];
    for (method, path, body) in calls {
        let (id, client) = create(&server.client, &json!({"kind": "private"}));
        let body = body.to_string();
        let length = format!("Content-Length: {}", body.len());
        let headers = ["Content-Type: application/json", &length, "Expect: 100-continue"];
        let (start, end) = body.split_at(body.len() / 2);
        let mut raw = Raw::connect(&client);
        raw.send(request(&client, method, path, &headers));
        // The server asks for the body after it has accepted the key.
        assert_eq!(raw.answer().status, 100, "{method} {path}");
        raw.send(start);
        assert_eq!(revoke(&server.client, &id).status, 200);
        raw.send(end);
        let answer = raw.answer();
        assert_eq!(answer.status, 403, "{method} {path}");
    }
    assert_eq!(super::seen(&server.client), before);
    assert_eq!(listed(&server.client).len(), keys);
    let account = server.client.get("/api/account").json()["data"].clone();
    assert_eq!((&account["display_name"], &account["webhooks"]), (&json!(null), &json!([])));
    assert_eq!(account["name"], json!("tester"));
}

fn creations_keep_the_limit() {
    let server = TestServer::start();
    for _ in 2..92 {
        create(&server.client, &json!({"kind": "public"}));
    }
    let statuses = at_once(16, |_| server.client.post(PATH, &json!({"kind": "public"})).status);
    assert_eq!((count(&statuses, 201), count(&statuses, 409)), (8, 8), "{statuses:?}");
    let full = server.client.post(PATH, &json!({"kind": "public"}));
    assert!(full.text().contains("100 API keys at most"), "{}", full.text());
    let all = listed(&server.client);
    assert_eq!(all.len(), 100);
    let spare = all.iter().rev().find(|key| key["kind"] == "public").expect("one");
    assert_eq!(revoke(&server.client, spare["id"].as_str().expect("an id")).status, 200);
    create(&server.client, &json!({"kind": "public"}));
    // Each account has its own limit.
    create(&server.other_account(), &json!({"kind": "private"}));
}

/// A request notes the day in memory only; a stop writes it.
fn the_last_use_survives() {
    let server = TestServer::start();
    let secret = server.client.create(json!({"max_views": 9}));
    server.clock.advance(2 * 86_400);
    assert_eq!(server.public.view(&secret).status, 200);
    let (account, day) = (server.account(), server.clock.now().day());
    let dir = server.stop();
    let store = Store::open(dir.path(), 16 << 20).expect("the store");
    let keys = of_account(&store, account).expect("its keys");
    let used = |kind| {
        let mut keys = keys.iter().filter(|stored| stored.key.kind == kind);
        keys.next().and_then(|stored| stored.key.last_used)
    };
    assert_eq!(used(KeyKind::Private), Some(UnixDay(day.0 - 2)));
    assert_eq!(used(KeyKind::Public), Some(day));
    store.close();
}

fn a_sign_in_link_names_its_key() {
    let server = TestServer::start();
    let token = server.claim();
    let answer =
        anybody(&server).post("/api/public/claims", &json!({"token": token.expose_secret()}));
    let key = answer.json()["data"]["private_key"].as_str().expect("a key").to_owned();
    let browser = server.client.with_key(key);
    let all = listed(&browser);
    let own = all.iter().find(|key| key["current"] == json!(true)).expect("its own");
    assert_eq!(own["name"], json!("Browser, by sign-in link"));
    // It can be renamed and revoked like any other.
    let id = own["id"].as_str().expect("an id");
    assert_eq!(rename(&browser, id, &json!({"name": "Laptop"})).status, 200);
    assert_eq!(revoke(&server.client, id).status, 200);
    assert_eq!(browser.get("/api/account").status, 403);
}
