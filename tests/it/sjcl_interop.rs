//! The npm package `sjcl` 1.0.8 and this crate, each opening what the other has sealed.

use std::process::Command;

use libtest_mimic::{Failed, Trial};
use sealdrop::crypto::{
    Random, SeededRandom, random_array,
    sjcl::{self, MIN_ITERATIONS, SjclError, SjclMessage, password_half},
};
use serde_json::{Map, Value, json};

use crate::{
    programs::printed,
    tools::{Tool, node_modules, trial_with},
};

pub(crate) fn trials() -> Vec<Trial> {
    const NEEDED: &[Tool] = &[Tool::NodeSjcl];
    vec![
        trial_with("sjcl_interop::sjcl_opens_what_we_seal", NEEDED, || {
            sjcl_opens_what_we_seal().expect("agreement")
        }),
        trial_with("sjcl_interop::we_open_what_sjcl_seals", NEEDED, || {
            we_open_what_sjcl_seals().expect("agreement")
        }),
        trial_with("sjcl_interop::nobody_opens_what_was_changed", NEEDED, || {
            nobody_opens_what_was_changed().expect("agreement")
        }),
        trial_with("sjcl_interop::sjcl_reads_whatever_we_accept", NEEDED, || {
            sjcl_reads_whatever_we_accept().expect("agreement")
        }),
    ]
}

fn sjcl_opens_what_we_seal() -> Result<(), Failed> {
    let random = SeededRandom::new(1);
    let texts = texts(&random);
    let mut jobs = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let password = password(&random, number);
        // PBKDF2 in a script is slow, so only some messages have the real number of iterations.
        let iterations = if number % 10 == 0 { sjcl::ITERATIONS } else { MIN_ITERATIONS };
        let json = sjcl::seal(password.as_bytes(), text.as_bytes(), iterations, &random)?;
        jobs.push(json!({ "password": password, "json": json }));
    }
    for (text, outcome) in texts.iter().zip(run(&jobs)?) {
        same(&outcome.as_deref(), &Ok(text.as_str()), "text")?;
    }
    Ok(())
}

fn we_open_what_sjcl_seals() -> Result<(), Failed> {
    let random = SeededRandom::new(2);
    let texts = texts(&random);
    let mut jobs = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let mut params = json!({ "mode": "gcm", "ks": 256, "iter": MIN_ITERATIONS });
        if number % 10 == 0 {
            params["iter"] = json!(sjcl::ITERATIONS);
        }
        match number % 4 {
            0 => {} // SJCL's default, 64
            1 => params["ts"] = json!(64),
            2 => params["ts"] = json!(96),
            _ => params["ts"] = json!(128),
        }
        // Every length of IV and salt in turn, and of the last block of associated data.
        if number % 3 == 1 {
            params["iv"] = json!(base64(&random, 8 + number / 3 % 9));
            params["salt"] = json!(base64(&random, 1 + number % 40));
            params["adata"] = json!(format!("{}å &%", "a".repeat(number)));
        }
        jobs.push(json!({ "password": password(&random, number), "text": text, "params": params }));
    }
    for ((text, job), outcome) in texts.iter().zip(&jobs).zip(run(&jobs)?) {
        let json = outcome?;
        sjcl::check(json.as_bytes())?;
        let opened = open(json.as_bytes(), password_of(job))?;
        same(&opened.as_slice(), &text.as_bytes(), &job.to_string())?;
    }
    Ok(())
}

fn nobody_opens_what_was_changed() -> Result<(), Failed> {
    let random = SeededRandom::new(3);
    let mut jobs = Vec::new();
    let text = "a secret of some length, so that there is more than one block";
    for number in 0..40 {
        let password = password(&random, number);
        let json = sjcl::seal(password.as_bytes(), text.as_bytes(), MIN_ITERATIONS, &random)?;
        let mut message: Map<String, Value> = serde_json::from_str(&json)?;
        jobs.push(json!({ "password": format!("{password}x"), "json": json }));
        for field in ["ct", "iv", "salt"] {
            let changed = flip(&random, message.get(field).and_then(Value::as_str).unwrap_or(""))?;
            let kept = message.insert(field.to_owned(), json!(changed));
            jobs.push(
                json!({ "password": password, "json": Value::from(message.clone()).to_string() }),
            );
            message.extend(kept.map(|kept| (field.to_owned(), kept)));
        }
        // Unchanged, to verify that the test can fail.
        jobs.push(json!({ "password": password, "json": Value::from(message).to_string() }));
    }
    for (number, (job, outcome)) in jobs.iter().zip(run(&jobs)?).enumerate() {
        let json = job["json"].as_str().unwrap_or("");
        let ours = open(json.as_bytes(), password_of(job));
        if number % 5 == 4 {
            same(&outcome.as_deref(), &Ok(text), json)?;
            same(&ours.as_deref(), &Ok(text.as_bytes()), json)?;
        } else {
            same(&outcome.is_err(), &true, json)?;
            same(&ours.err(), &Some(SjclError::DoesNotOpen), json)?;
        }
    }
    Ok(())
}

/// A message that SJCL cannot read must be refused, because its viewer would lose the view. So SJCL must
/// open each message that [`sjcl::check`] accepts.
fn sjcl_reads_whatever_we_accept() -> Result<(), Failed> {
    let random = SeededRandom::new(4);
    let json = sjcl::seal(b"password", b"text", MIN_ITERATIONS, &random)?;
    let message: Map<String, Value> = serde_json::from_str(&json)?;
    let unpadded = json.replace('=', "");
    let mut variants = vec![json.clone(), unpadded, json.replace(',', " ,\r\n\t")];
    for other in [
        "\"kemtag\":\"a+b/c=%20\"",
        "\"raw\":1",
        "\"raw\":-1",
        "\"raw\":true",
        "\"raw\":null",
        "\"raw\":1.5",
        "\"raw\":1e3",
        "\"raw\":[]",
        "\"raw\":{}",
        "\"raw\":\"a b\"",
        "\"raw\":\"å\"",
        "\"raw\":\"a,b\"",
        "\"raw\":\"a\\/b\"",
        "\"raw\":123456789012345678901234567890",
        "\"r-w\":1",
        "\"1raw\":1",
        "\"\":1",
        "\"RAW\":1",
        "\"key\":\"x\"",
        "\"tag\":\"x\"",
        "\"length\":1",
        "\"toString\":1",
        "\"constructor\":1",
        "\"hasOwnProperty\":1",
        "\"__proto__\":1",
    ] {
        variants.push(json.replace('}', &format!(",{other}}}")));
        variants.push(json.replacen('{', &format!("{{{other},"), 1));
    }
    for field in ["v", "adata", "cipher"] {
        let mut without = message.clone();
        without.remove(field);
        variants.push(Value::from(without).to_string());
    }
    variants.push(json.replace('/', "\\/"));
    let jobs: Vec<_> =
        variants.iter().map(|json| json!({ "password": "password", "json": json })).collect();
    let mut accepted = 0;
    for (json, outcome) in variants.iter().zip(run(&jobs)?) {
        if sjcl::check(json.as_bytes()).is_ok() {
            same(&outcome.as_deref(), &Ok("text"), json)?;
            same(&open(json.as_bytes(), b"password").as_deref(), &Ok(&b"text"[..]), json)?;
            accepted += 1;
        }
    }
    same(&(accepted > 20), &true, "enough of them are accepted")
}

/// Sends the jobs to one process and waits for the result of each.
pub(crate) fn run(jobs: &[Value]) -> Result<Vec<Result<String, String>>, Failed> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/sjcl_batch.js");
    let mut node = Command::new("node");
    let output = printed(node.arg(script).arg(node_modules()), &serde_json::to_vec(jobs)?);
    let outcomes: Vec<Map<String, Value>> = serde_json::from_slice(&output)?;
    same(&outcomes.len(), &jobs.len(), "outcomes")?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    Ok(outcomes
        .iter()
        .map(|outcome| match outcome.get("error") {
            Some(error) => Err(text(Some(error))),
            None => Ok(text(outcome.get("ok"))),
        })
        .collect())
}

fn open(json: &[u8], password: &[u8]) -> Result<Vec<u8>, SjclError> {
    Ok(SjclMessage::parse(json)?.open(password)?.expose_secret().to_vec())
}

fn password_of(job: &Value) -> &[u8] {
    job["password"].as_str().unwrap_or("").as_bytes()
}

/// Two halves; sometimes one that is longer than a block of the hash, or not ASCII, or empty.
pub(crate) fn password(random: &dyn Random, number: usize) -> String {
    match number % 7 {
        3 => "lösenord 🔑".to_owned(),
        4 => "long ".repeat(30),
        5 => String::new(),
        _ => {
            let (private, public) = (password_half(random), password_half(random));
            format!("{}{}", private.expose_secret(), public.expose_secret())
        }
    }
}

/// Every length around the AES block, special characters, and random characters.
pub(crate) fn texts(random: &dyn Random) -> Vec<String> {
    let mut texts: Vec<String> = (0..50).map(|length| "x".repeat(length)).collect();
    texts.extend(
        [
            "\0",
            "nul \0 in it",
            "🔑 emoji 👩‍👩‍👧",
            "åäö ÅÄÖ",
            "\r\n\t \u{feff}",
            "{\"json\":\"inside\"}",
            "\u{10ffff}",
        ]
        .map(str::to_owned),
    );
    for length in 0..40 {
        // Surrogates are not characters, so a few of the numbers have none.
        let char = || char::from_u32(u32::from_le_bytes(random_array(random)) % 0x11_0000);
        texts.push((0..length * 5).filter_map(|_| char()).collect());
    }
    texts.push("A".repeat(100 * 1024));
    texts
}

pub(crate) fn base64(random: &dyn Random, bytes: usize) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut filled = vec![0; bytes];
    random.fill(&mut filled);
    STANDARD.encode(filled)
}

/// The same base64 with one bit of one byte changed.
fn flip(random: &dyn Random, text: &str) -> Result<String, Failed> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut bytes = STANDARD.decode(text)?;
    let [place, bit] = random_array(random);
    let place = usize::from(place) % bytes.len();
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << (bit % 8);
    }
    Ok(STANDARD.encode(bytes))
}

fn same<T: PartialEq + std::fmt::Debug>(is: &T, should_be: &T, of: &str) -> Result<(), Failed> {
    if is == should_be {
        return Ok(());
    }
    let cut: fn(String) -> String = |text| text.chars().take(500).collect();
    Err(format!(
        "{}: {} should be {}",
        cut(of.to_owned()),
        cut(format!("{is:?}")),
        cut(format!("{should_be:?}"))
    )
    .into())
}
