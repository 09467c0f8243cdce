//! Files in chunks: both sides seal the same plaintext to the same bytes.

use std::io::{Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::crypto::{
    MessageKey, Random, SeededRandom, StreamOpener, StreamSealer,
    stream::{CHUNK_BYTES, PREFIX_BYTES, TAG_BYTES},
};
use serde_json::{Value, json};

use super::Page;
use crate::tools::{NODE_20, trial_with};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("web_crypto::files_are_sealed_as_in_rust", &[NODE_20], sealed_as_in_rust),
        trial_with("web_crypto::files_open_only_whole", &[NODE_20], files_open_only_whole),
    ]
}

const KEY: [u8; 32] = [7; 32];
const SEALED_CHUNK: usize = CHUNK_BYTES + TAG_BYTES;

fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SeededRandom::new(9).fill(&mut bytes);
    bytes
}

fn seal(plaintext: &[u8]) -> Vec<u8> {
    let key = MessageKey::from_bytes(KEY);
    let mut sealer = StreamSealer::new(Vec::new(), &key, &SeededRandom::new(1)).unwrap();
    sealer.write_all(plaintext).unwrap();
    sealer.finish().unwrap()
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().expect("a text")).expect("base64")
}

fn open_job(sealed: &[u8], piece: usize, size: Option<usize>) -> Value {
    let (key, sealed) = (STANDARD.encode(KEY), STANDARD.encode(sealed));
    json!({"do": "openFile", "key": key, "sealed": sealed, "piece": piece, "size": size})
}

fn sealed_as_in_rust() {
    let around = |border: usize| [border - 1, border, border + 1];
    let sizes = [0, 1, 17].into_iter().chain(around(CHUNK_BYTES)).chain(around(2 * CHUNK_BYTES));
    let all: Vec<_> = sizes.chain([1_000_000]).map(bytes).collect();
    let sealed: Vec<_> = all.iter().map(|plaintext| seal(plaintext)).collect();
    let mut jobs = Vec::new();
    for (plaintext, sealed) in all.iter().zip(&sealed) {
        // At chunk borders, as they are uploaded; one of them again; and where the server keeps a part.
        let mut slices: Vec<(usize, usize)> = Vec::new();
        let mut from = 0;
        while from < sealed.len() {
            let to = (from.max(PREFIX_BYTES) + 2 * SEALED_CHUNK).min(sealed.len());
            slices.push((from, to));
            from = to;
        }
        slices.push(slices[0]);
        slices.push((sealed.len() / 65_536 * 65_536, sealed.len()));
        let [key, prefix] = [&KEY[..], &sealed[..PREFIX_BYTES]].map(|bytes| STANDARD.encode(bytes));
        jobs.push(json!({"do": "sealFile", "key": key, "prefix": prefix,
            "plaintext": STANDARD.encode(plaintext), "slices": slices}));
        jobs.push(open_job(sealed, 10_000, Some(plaintext.len())));
    }
    for page in Page::BOTH {
        let outcomes = page.run(&jobs);
        for (number, (plaintext, sealed)) in all.iter().zip(&sealed).enumerate() {
            let what = format!("{page:?} {} bytes", plaintext.len());
            let slices = outcomes[2 * number].as_ref().expect(&what).as_array().unwrap();
            let asked = jobs[2 * number]["slices"].as_array().unwrap();
            assert_eq!(slices.len(), asked.len());
            for (slice, asked) in slices.iter().zip(asked) {
                let [from, to] =
                    [0, 1].map(|at| usize::try_from(asked[at].as_u64().unwrap()).unwrap());
                assert!(decoded(slice) == sealed[from..to], "{what} from {from} to {to}");
            }
            // Rust opens its own bytes.
            let mut opened = Vec::new();
            let key = MessageKey::from_bytes(KEY);
            StreamOpener::new(&sealed[..], &key).unwrap().read_to_end(&mut opened).unwrap();
            assert!(opened == *plaintext, "{what}");
            assert!(
                decoded(outcomes[2 * number + 1].as_ref().expect(&what)) == *plaintext,
                "{what}"
            );
        }
    }
}

fn files_open_only_whole() {
    let sealed = seal(&bytes(2 * CHUNK_BYTES + 100));
    let chunk = |number: usize| {
        let start = PREFIX_BYTES + number * SEALED_CHUNK;
        &sealed[start..(start + SEALED_CHUNK).min(sealed.len())]
    };
    let prefix = &sealed[..PREFIX_BYTES];
    let mut changed = sealed.clone();
    changed[SEALED_CHUNK + 50] ^= 1;
    let mut bad = vec![
        Vec::new(),
        prefix.to_vec(),
        [prefix, chunk(0)].concat(),
        [prefix, chunk(0), chunk(1)].concat(),
        [prefix, chunk(1), chunk(0), chunk(2)].concat(),
        [prefix, chunk(0), chunk(2)].concat(),
        [&sealed[..], chunk(2)].concat(),
        [&sealed[..], b"x"].concat(),
        changed,
    ];
    bad.extend(
        [1, 16, 100, 116, 117, SEALED_CHUNK].map(|cut| sealed[..sealed.len() - cut].to_vec()),
    );
    let mut jobs: Vec<_> = bad.iter().map(|sealed| open_job(sealed, 65_536, None)).collect();
    jobs.push(open_job(&sealed, 65_536, Some(2 * CHUNK_BYTES + 99)));
    jobs.push(open_job(&sealed, 65_536, Some(2 * CHUNK_BYTES + 101)));
    for page in Page::BOTH {
        for (number, outcome) in page.run(&jobs).into_iter().enumerate() {
            let error = outcome.expect_err(&format!("{number}"));
            assert!(error.starts_with("Damaged: "), "{page:?} {number}: {error}");
        }
        let whole = page.run_one(open_job(&sealed, 65_536, None)).expect("the whole");
        assert!(decoded(&whole) == bytes(2 * CHUNK_BYTES + 100));
    }
}
