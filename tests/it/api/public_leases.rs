//! Views by link give leases: the same bytes again for a minute, and for no other client.

use libtest_mimic::Trial;
use serde_json::json;

use super::{
    entry, large_ciphertext, payload_files,
    public::{anybody, burn, events, look, token, view},
    races::{at_once, count},
    sweep,
};
use crate::{
    http::Client,
    raw::{self, Raw},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::public::a_lease_shows_the_same_again", a_lease_shows_the_same_again),
        trial("api::public::a_lease_burns", a_lease_burns),
        trial("api::public::each_view_has_its_lease", each_view_has_its_lease),
        trial("api::public::a_cut_answer_loses_nothing", a_cut_answer_loses_nothing),
        trial("api::public::the_last_view_has_one_winner", the_last_view_has_one_winner),
        trial("api::public::no_lease_outlives_its_secret", no_lease_outlives_its_secret),
        trial("api::public::a_view_by_key_waits_for_leases", a_view_by_key_waits_for_leases),
    ]
}

/// The number of payloads on disk that can still be opened: keys in the slot file.
fn keys_on_disk(server: &TestServer) -> usize {
    crate::key_files::payload_keys(server)
}

fn a_lease_shows_the_same_again() {
    let server = TestServer::start();
    let client = anybody(&server);
    let id = server.client.create(json!({"message": "m"}));
    let first = view(&client, &id, json!({}));
    let lease = token(&first);
    assert!(lease.len() >= 22, "{lease}");
    let sent = crate::http::secret_with(json!({}));
    let expected = json!({"data": {
        "id": id, "message": "m", "ciphertext": sent["ciphertext"],
        "password_part_private": sent["password_part_private"],
        "attachments": [], "lease": {"token": lease, "seconds_left": 60},
        "reply_key": null,
    }});
    assert_eq!(first.json(), expected);
    let with_lease = || view(&client, &id, json!({"lease": lease}));
    let again = with_lease();
    assert_eq!((again.status, again.body), (200, first.body), "byte by byte");
    let without = || {
        assert_eq!(view(&client, &id, json!({})).status, 404);
        assert_eq!(view(&client, &id, json!({"lease": "x".repeat(32)})).status, 404);
        assert_eq!(look(&client, &id).status, 404);
        assert_eq!(server.public.view(&id).status, 404);
    };
    without();
    server.clock.advance(59);
    sweep(&server);
    let mut late = expected.clone();
    late["data"]["lease"]["seconds_left"] = json!(1);
    assert_eq!(with_lease().json(), late);
    without();
    assert_eq!(keys_on_disk(&server), 1);
    server.clock.advance(1);
    // Swept or not.
    for _ in 0..2 {
        assert_eq!(with_lease().status, 404);
        assert_eq!(burn(&client, &id, &lease).status, 404);
        sweep(&server);
        assert_eq!(keys_on_disk(&server), 0);
    }
    let found = entry(&server.client, &id);
    assert_eq!(
        (&found["view_times"], found["views"].as_array().map(Vec::len)),
        (&json!(1), Some(1))
    );
    let log = events(&server, &id);
    assert_eq!(log.iter().filter(|kind| *kind == "lease_ended").count(), 1, "{log:?}");
}

fn a_lease_burns() {
    let server = TestServer::start();
    let client = anybody(&server);
    let id = server.client.create(json!({"ciphertext": large_ciphertext()}));
    let lease = token(&view(&client, &id, json!({})));
    assert_eq!((keys_on_disk(&server), payload_files(server.dir())), (1, 1));
    assert_eq!(burn(&client, &id, &"x".repeat(32)).status, 404);
    assert_eq!(look(&client, &id).status, 404, "all views are spent");
    let burned = burn(&client, &id, &lease);
    assert_eq!((burned.status, burned.json()), (200, json!({"data": null})));
    assert_eq!(keys_on_disk(&server), 0, "at once");
    assert_eq!(view(&client, &id, json!({"lease": lease})).status, 404);
    assert_eq!(burn(&client, &id, &lease).status, 404);
    assert_eq!(look(&client, &id).status, 404);
    sweep(&server);
    // The viewer's own late attempts are in no other log.
    assert_eq!(events(&server, &id), ["tried_after", "opened", "burned", "tried_after"]);
    let found = entry(&server.client, &id);
    assert_eq!(found["events"][2]["ip"], json!("127.0.0.1"));

    // The owner's deletion ends leases, too.
    let id = server.client.create(json!({}));
    let lease = token(&view(&client, &id, json!({})));
    assert_eq!(server.client.delete(&format!("/api/secrets/{id}")).status, 200);
    assert_eq!(view(&client, &id, json!({"lease": lease})).status, 404);
    assert_eq!(keys_on_disk(&server), 0);
    server.clock.advance(400 * 24 * 3600);
    sweep(&server);
}

fn each_view_has_its_lease() {
    let server = TestServer::start();
    let client = anybody(&server);
    let id = server.client.create(json!({"max_views": 3}));
    let first = token(&view(&client, &id, json!({})));
    // Ended with views left: nothing is wiped, and the token is not valid any more.
    assert_eq!(burn(&client, &id, &first).status, 200);
    assert_eq!(view(&client, &id, json!({"lease": first})).status, 404);
    assert_eq!((keys_on_disk(&server), events(&server, &id)), (1, vec![]));
    let second = token(&view(&client, &id, json!({})));
    server.clock.advance(30);
    assert_eq!(entry(&server.client, &id)["view_times"], json!(2));
    let third = token(&view(&client, &id, json!({})));
    for lease in [&second, &third] {
        assert_eq!(view(&client, &id, json!({"lease": lease})).status, 200);
    }
    server.clock.advance(30);
    sweep(&server);
    assert_eq!(view(&client, &id, json!({"lease": second})).status, 404);
    assert_eq!(view(&client, &id, json!({"lease": third})).status, 200);
    assert_eq!(entry(&server.client, &id)["view_times"], json!(3));
    // The third one burns the secret for all.
    assert_eq!(burn(&client, &id, &third).status, 200);
    assert_eq!(keys_on_disk(&server), 0);

    let id = server.client.create(json!({"max_views": 2}));
    let [first, second] = [(); 2].map(|()| token(&view(&client, &id, json!({}))));
    assert_eq!(view(&client, &id, json!({})).status, 404);
    assert_eq!(burn(&client, &id, &first).status, 200);
    assert_eq!(view(&client, &id, json!({"lease": second})).status, 404, "also under other leases");
}

fn a_cut_answer_loses_nothing() {
    let server = TestServer::start();
    let client = anybody(&server);
    let ciphertext = large_ciphertext();
    let id = server.client.create(json!({"ciphertext": ciphertext}));
    let lease = "made-up-by-the-client_1";
    let body = json!({"lease": lease}).to_string();
    let length = format!("Content-Length: {}", body.len());
    let path = format!("/api/public/secrets/{id}/view");
    let mut raw = Raw::connect(&client);
    let headers = [length.as_str(), "Content-Type: application/json"];
    raw.send(raw::request(&client, "POST", &path, &headers)).send(body);
    assert_eq!(raw.head().status, 200);
    raw.hang_up();
    let again = view(&client, &id, json!({"lease": lease}));
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(again.json()["data"]["ciphertext"], json!(ciphertext));
    assert_eq!(token(&again), lease);
    assert_eq!(entry(&server.client, &id)["view_times"], json!(1));
}

fn the_last_view_has_one_winner() {
    let server = TestServer::start();
    for views in [1, 2] {
        let id = server.client.create(json!({"max_views": views}));
        let statuses = at_once(20, |number| {
            let client = Client::new(server.client.base.clone(), "");
            let lease = format!("lease-of-viewer-number-{number}");
            view(&client, &id, json!({"lease": lease})).status
        });
        assert_eq!(count(&statuses, 200), views, "{statuses:?}");
        assert_eq!(count(&statuses, 404), 20 - views, "{statuses:?}");
        assert_eq!(entry(&server.client, &id)["view_times"], json!(views));
    }
    // Twenty requests with the same lease are one view.
    let id = server.client.create(json!({"max_views": 2}));
    let lease = json!({"lease": "one-viewer-in-twenty-windows"});
    let statuses = at_once(20, |_| {
        view(&Client::new(server.client.base.clone(), ""), &id, lease.clone()).status
    });
    assert_eq!(count(&statuses, 200), 20, "{statuses:?}");
    assert_eq!(entry(&server.client, &id)["view_times"], json!(1));
}

fn no_lease_outlives_its_secret() {
    let server = TestServer::start();
    let client = anybody(&server);
    for max_views in [1, 2] {
        let id = server.client.create(json!({"expiration": 1, "max_views": max_views}));
        server.clock.advance(3590);
        let viewed = view(&client, &id, json!({}));
        assert_eq!(viewed.json()["data"]["lease"]["seconds_left"], json!(10));
        let lease = json!({"lease": token(&viewed)});
        server.clock.advance(9);
        sweep(&server);
        assert_eq!(view(&client, &id, lease.clone()).status, 200);
        server.clock.advance(1);
        assert_eq!(view(&client, &id, lease.clone()).status, 404);
        sweep(&server);
        assert_eq!(view(&client, &id, lease).status, 404);
        assert_eq!(keys_on_disk(&server), 0);
        let found = entry(&server.client, &id);
        assert_eq!((&found["expired"], &found["view_times"]), (&json!(true), &json!(1)));
        let log = events(&server, &id);
        let ended = log.iter().filter(|kind| *kind == "lease_ended").count();
        assert_eq!(ended, usize::from(max_views == 1), "{log:?}");
    }
}

fn a_view_by_key_waits_for_leases() {
    let server = TestServer::start();
    let client = anybody(&server);
    let id = server.client.create(json!({"max_views": 2}));
    let lease = token(&view(&client, &id, json!({})));
    server.clock.advance(20);
    assert_eq!(server.public.view(&id).status, 200);
    assert_eq!(server.public.view(&id).status, 404);
    assert_eq!(view(&client, &id, json!({"lease": lease})).status, 200, "its lease is live");
    server.clock.advance(40);
    sweep(&server);
    assert_eq!(
        (keys_on_disk(&server), events(&server, &id)),
        (0, vec!["tried_after".into(), "lease_ended".into()])
    );

    // No lease is live, so the key is wiped at once.
    let id = server.client.create(json!({"max_views": 2}));
    let lease = token(&view(&client, &id, json!({})));
    assert_eq!(burn(&client, &id, &lease).status, 200);
    assert_eq!(server.public.view(&id).status, 200);
    assert_eq!(keys_on_disk(&server), 0);
}
