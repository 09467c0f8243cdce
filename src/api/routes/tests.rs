//! Paths match the right rows, and rows are unique.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_longest_template_is_found() {
    let most = RESOURCES.iter().map(|resource| resource.segments.len()).max();
    assert_eq!(most, Some(MAX_SEGMENTS));
}

#[test]
fn paths_find_their_resources() {
    let cases = [
        ("/health", Some(("/health", ["", ""]))),
        ("/health/", Some(("/health", ["", ""]))),
        ("/health//", None),
        ("/Health", None),
        ("health", None),
        ("*", None),
        ("", None),
        ("/", None),
        ("//", None),
        ("/api/secrets", Some(("/api/secrets", ["", ""]))),
        ("/api/secrets/", Some(("/api/secrets", ["", ""]))),
        ("/api/secrets//", None),
        ("/api/secrets/x", Some(("/api/secrets/{id}", ["x", ""]))),
        ("/api/secrets/%2F/", Some(("/api/secrets/{id}", ["%2F", ""]))),
        ("/api/secrets/x/", Some(("/api/secrets/{id}", ["x", ""]))),
        ("/api/secrets/x/y", None),
        ("/api/secrets//draft", None),
        ("/api/secrets/x/draft", Some(("/api/secrets/{id}/draft", ["x", ""]))),
        ("/api/secrets/x/draft/y", None),
        ("/api/secrets/x/attachments", None),
        ("/api/secrets/x/attachments//", None),
        ("/api/secrets/x/attachments/1", Some(("/api/secrets/{id}/attachments/{n}", ["x", "1"]))),
        ("/api/secrets/x/attachments/1/2", None),
        ("/api/account", Some(("/api/account", ["", ""]))),
        ("/api/accounts", None),
        ("/api/account/webhooks//test", None),
        ("/api/account/webhooks/x/test", Some(("/api/account/webhooks/{id}/test", ["x", ""]))),
        ("/api/public", None),
        ("/api/public/secrets/x/view", Some(("/api/public/secrets/{id}/view", ["x", ""]))),
        ("/api/public/secrets/x/view/y", None),
        ("/Service", Some(("/Service", ["", ""]))),
        ("/sERVICE/", Some(("/Service", ["", ""]))),
        ("/Service//", None),
        ("/service/selfdestruct", Some(("/Service/SelfDestruct", ["", ""]))),
        ("/service/x/PublicKey", Some(("/Service/{token}/publickey", ["x", ""]))),
        ("/service//terms", Some(("/Service/{token}/terms", ["", ""]))),
        ("/service/file/terms", Some(("/Service/File/{id}", ["terms", ""]))),
        ("/service/file//", Some(("/Service/File/{id}", ["", ""]))),
        ("/service/file/x/y", None),
    ];
    for (path, expected) in cases {
        let found = find(path).map(|(resource, chosen)| (resource.path, chosen));
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn allow_names_the_methods_of_all_rows_of_a_path() {
    let cases = [
        ("/api/secrets", "GET, HEAD, POST, OPTIONS"),
        ("/api/secrets/x", "GET, PATCH, DELETE, OPTIONS"),
        ("/api/secrets/x/attachments/1", "GET, HEAD, PUT, OPTIONS"),
        ("/api/account", "GET, HEAD, PUT, OPTIONS"),
        ("/api/public/secrets/x", "GET, PATCH, DELETE, OPTIONS"),
        ("/api/public/secret_requests/x", "GET, HEAD, DELETE, OPTIONS"),
        ("/api/public/unsubscribe/x", "GET, HEAD, POST, OPTIONS"),
        ("/Service", "GET, POST, PUT, DELETE, OPTIONS"),
        ("/Service/File/x", "GET, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ];
    for (path, expected) in cases {
        let methods: Vec<_> = find(path).unwrap().0.methods.iter().map(Method::as_str).collect();
        assert_eq!(methods.join(", "), expected, "{path}");
    }
}

#[test]
fn no_two_rows_are_the_same() {
    let (mut calls, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for route in ROUTES {
        assert!(ids.insert(route.id), "{}", route.id);
        for method in route.methods {
            assert!(calls.insert((route.path, method.as_str())), "{method} {}", route.path);
        }
        let chosen = route.path.split('/').filter(|segment| is_chosen(segment));
        assert!(chosen.count() <= 2, "{}", route.path);
    }
}
