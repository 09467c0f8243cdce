//! The Secrets API over HTTP.

use libtest_mimic::Trial;
use serde_json::json;

use crate::{server::TestServer, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("api::a_secret_is_viewed_once", a_secret_is_viewed_once)]
}

fn a_secret_is_viewed_once() {
    let server = TestServer::start();
    let id = server.client.create(json!({}));
    assert_eq!(server.public.view(&id).status, 200);
    assert_eq!(server.public.view(&id).status, 404);
}
