//! The tests that use sealdrop as its users do: over real sockets, with a server in this process (if the
//! test moves the time) or with the real daemon (if the test kills it).
//!
//! One binary, so that it is linked once. Tests that need more than Rust look for their tools at run
//! time and report themselves as ignored, with the reason, if something is missing; with
//! `SEALDROP_TEST_ALL=1` that is a failure.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and without a harness clippy does not see that these are some"
)]

mod acme;
mod altcha;
mod api;
mod backup;
mod browser;
mod cli;
mod clock;
mod command_line;
mod daemon;
mod described;
mod doctor;
mod fairness;
mod faults;
mod http;
mod http2;
mod https;
mod key_files;
mod key_service;
mod key_service_interop;
mod limit;
mod listening;
mod logs;
mod mail;
mod monitoring;
mod openapi;
mod programs;
mod proxies;
mod raw;
mod readme;
mod ring;
mod scripts;
mod security;
mod server;
mod service;
mod sjcl;
mod sjcl_interop;
mod sub_path;
mod terminal;
mod tools;
mod type_names;
mod web;
mod web_crypto;
mod webhook;
mod xml;

use std::sync::{Arc, atomic::AtomicBool};

use libtest_mimic::{Arguments, Trial};
use signal_hook::{consts::SIGINT, flag::register_conditional_default};

fn main() {
    if faults::ran_as_helper() {
        return;
    }
    // A shell without job control starts what it runs in the background with Ctrl-C ignored, and the programs of
    // the tests would inherit that. A handler is not inherited.
    let always = Arc::new(AtomicBool::new(true));
    register_conditional_default(SIGINT, always).expect("a handler");
    let arguments = Arguments::from_args();
    let trials = [
        acme::trials(),
        altcha::trials(),
        api::trials(),
        backup::trials(),
        browser::trials(),
        cli::trials(),
        clock::trials(),
        command_line::trials(),
        doctor::trials(),
        fairness::trials(),
        faults::trials(),
        http2::trials(),
        https::trials(),
        key_service::trials(),
        key_service_interop::trials(),
        listening::trials(),
        logs::trials(),
        mail::trials(),
        monitoring::trials(),
        openapi::trials(),
        proxies::trials(),
        readme::trials(),
        ring::trials(),
        scripts::trials(),
        security::trials(),
        service::trials(),
        sjcl::trials(),
        sjcl_interop::trials(),
        sub_path::trials(),
        terminal::trials(),
        type_names::trials(),
        web::trials(),
        web_crypto::trials(),
        webhook::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    limit::print_slowest();
    conclusion.exit();
}

/// A test that needs only Rust; it fails by panicking.
fn trial(name: &str, test: fn()) -> Trial {
    let own = name.to_owned();
    Trial::test(name, move || {
        limit::limited(&own, test);
        Ok(())
    })
}
