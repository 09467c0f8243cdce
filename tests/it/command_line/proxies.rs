//! Proxies: the requests that they get, and that no other server learns the name of a server.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::Path,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use libtest_mimic::Trial;

use super::{command, server};
use crate::{
    tools::{STRACE, trial_with},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("command_line::proxies_lead_to_the_server", proxies_lead_to_the_server),
        trial("command_line::a_proxy_that_fails_is_told", a_proxy_that_fails_is_told),
        trial_with(
            "command_line::names_of_tor_are_not_looked_up",
            &[STRACE],
            names_of_tor_are_not_looked_up,
        ),
    ]
}

/// A proxy that speaks SOCKS 5 and HTTP, and connects to one server for all names.
struct Proxy {
    address: String,
    /// The request: `name:port`, and the protocol.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(base: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let to = base.trim_start_matches("http://").to_owned();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (to, all) = (to.clone(), Arc::clone(&all));
                // A client may disconnect for its own reasons.
                thread::spawn(move || {
                    let _ = serve(client, &to, &all);
                });
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn serve(client: TcpStream, to: &str, all: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut answer = &client;
    let server = TcpStream::connect(to)?;
    if reader.fill_buf()?.first() == Some(&5) {
        let mut methods = [0; 2];
        reader.read_exact(&mut methods)?;
        reader.read_exact(&mut vec![0; methods[1].into()])?;
        answer.write_all(&[5, 0])?;
        let mut request = [0; 4];
        reader.read_exact(&mut request)?;
        let host = match request[3] {
            1 => {
                let mut address = [0; 4];
                reader.read_exact(&mut address)?;
                format!("address {}", std::net::Ipv4Addr::from(address))
            }
            3 => {
                let mut length = [0];
                reader.read_exact(&mut length)?;
                let mut name = vec![0; length[0].into()];
                reader.read_exact(&mut name)?;
                format!("name {}", String::from_utf8_lossy(&name))
            }
            other => format!("kind {other}"),
        };
        let mut port = [0; 2];
        reader.read_exact(&mut port)?;
        all.lock().unwrap().push(format!("socks {host}:{}", u16::from_be_bytes(port)));
        answer.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    } else {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let login = head.lines().find(|line| line.starts_with("Proxy-Authorization: "));
        let how = if method == "CONNECT" { "connect" } else { "http" };
        all.lock()
            .unwrap()
            .push(format!("{how} {target} {}", login.unwrap_or("")).trim_end().into());
        if method == "CONNECT" {
            answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        } else {
            // As a proxy does: the path alone, and without the headers for the proxy.
            let path = target.splitn(4, '/').nth(3).unwrap_or("");
            let head = head.replacen(target, &format!("/{path}"), 1);
            let lines = head.split_inclusive("\r\n").filter(|line| !line.starts_with("Proxy-"));
            (&server).write_all(lines.collect::<String>().as_bytes())?;
        }
    }
    let up = server.try_clone()?;
    thread::spawn(move || {
        let copied = io::copy(&mut reader, &mut &up);
        let _ = up.shutdown(Shutdown::Write);
        copied
    });
    io::copy(&mut &server, &mut answer)?;
    client.shutdown(Shutdown::Both)
}

fn run(base: &str, dir: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    clean(command(base, dir, arguments), variables).output().expect("the program")
}

fn clean(mut command: Command, variables: &[(&str, &str)]) -> Command {
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn proxies_lead_to_the_server() {
    let server = server();
    let base = &server.client.base;
    let port = base.rsplit(':').next().expect("a port");
    let proxy = Proxy::to(base);
    let dir = tempfile::tempdir().expect("a fresh directory");
    let bytes: Vec<u8> = (0..700_000_u32).map(|at| ((at * 7) >> 3).to_le_bytes()[0]).collect();
    fs::write(dir.path().join("large"), &bytes).expect("a file");
    fs::create_dir(dir.path().join("out")).expect("a directory");
    // A name that only the proxy knows, and one that all resolvers know.
    let cases: [(&str, &str, &str, &str); 9] = [
        ("ALL_PROXY", "socks5h://", "drop.invalid", "socks name drop.invalid:80"),
        ("all_proxy", "SOCKS5H://", "drop.invalid", "socks name drop.invalid:80"),
        ("HTTP_PROXY", "socks5h://", "abcdef.onion", "socks name abcdef.onion:80"),
        ("ALL_PROXY", "socks5://", "localhost", "socks address 127.0.0.1:PORT"),
        ("http_proxy", "", "drop.invalid", "http http://drop.invalid/"),
        ("HTTP_PROXY", "http://", "abcdef.onion", "http http://abcdef.onion/"),
        ("ALL_PROXY", "http://", "127.0.0.1", "http http://127.0.0.1:PORT/"),
        (
            "HTTP_PROXY",
            "http://me:a%3Ab@",
            "drop.invalid",
            "http http://drop.invalid/api Proxy-Authorization: Basic bWU6YTpi",
        ),
        ("HTTPS_PROXY", "http://", "localhost", ""),
    ];
    for (name, scheme, host, expected) in cases {
        let expected = expected.replace("PORT", port);
        let root = match expected.contains(port) || expected.is_empty() {
            true => format!("http://{host}:{port}"),
            false => format!("http://{host}"),
        };
        let variables = [(name, &*format!("{scheme}{}", proxy.address))];
        let sent = run(&root, dir.path(), &variables, &["send", "large", "-t", "text"]);
        assert!(sent.status.success(), "{name} {scheme} {host}: {}", text(&sent.stderr));
        assert!(!text(&sent.stderr).contains("next attempt"), "{}", text(&sent.stderr));
        let link = text(&sent.stdout);
        let opened = run(&root, dir.path(), &variables, &["open", &link, "--yes", "-o", "out"]);
        assert_eq!(text(&opened.stdout), "text", "{}", text(&opened.stderr));
        assert!(fs::read(dir.path().join("out/large")).expect("a file") == bytes);
        fs::remove_file(dir.path().join("out/large")).expect("a file");
        let asked = proxy.asked();
        let begin = expected.split(" Proxy-").next().unwrap().trim_end_matches("api");
        let is_so = |asked: &String| asked.starts_with(begin) && !begin.is_empty();
        assert!(asked.iter().all(is_so), "{name} {scheme} {host}: {asked:?}");
        assert_eq!(asked.is_empty(), expected.is_empty(), "{name} {scheme} {host}");
        if let Some((_, login)) = expected.split_once(" Proxy-") {
            assert!(asked.iter().all(|asked| asked.ends_with(login)), "{asked:?}");
        }
    }
    // A proxy without a login.
    let variables =
        [("ALL_PROXY", &*format!("socks5h://{}", proxy.address)), ("NO_PROXY", "127.0.0.0/8")];
    let sent = run(base, dir.path(), &variables, &["send", "-t", "text"]);
    assert!(sent.status.success() && proxy.asked().is_empty(), "{}", text(&sent.stderr));
}

fn a_proxy_that_fails_is_told() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let cases = [
        ("socks5h://me:sesame@127.0.0.1:1", 69, "through the proxy 127.0.0.1:1: "),
        ("http://me:sesame@127.0.0.1:1", 69, "through the proxy 127.0.0.1:1: "),
        ("quic://me:sesame@127.0.0.1:1", 64, "proxies of the scheme quic"),
        ("socks5h://me:sesame@", 64, "HTTP_PROXY: this is not the address of a proxy"),
    ];
    for (proxy, code, says) in cases {
        let sent =
            run("http://drop.invalid", dir.path(), &[("HTTP_PROXY", proxy)], &["send", "-t", "x"]);
        let said = text(&sent.stderr);
        assert_eq!(sent.status.code(), Some(code), "{proxy}: {said}");
        assert!(said.contains(says) && !said.contains("sesame"), "{proxy}: {said}");
    }
}

/// The name is sent to the proxy only; without a proxy it is not sent.
fn names_of_tor_are_not_looked_up() {
    let server = server();
    let proxy = Proxy::to(&server.client.base);
    let dir = tempfile::tempdir().expect("a fresh directory");
    let all = format!("socks5h://{}", proxy.address);
    for (variables, is_sent) in [(vec![("ALL_PROXY", &*all)], true), (vec![], false)] {
        let root = "http://abcdefghijklmnop.onion";
        let program = command(root, dir.path(), &[]);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=network", "-o", "trace"]).arg(program.get_program());
        strace.args(["send", "-t", "x"]).current_dir(dir.path());
        strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let sent = clean(strace, &variables).output().expect("strace");
        assert_eq!(sent.status.success(), is_sent, "{}", text(&sent.stderr));
        let trace = fs::read_to_string(dir.path().join("trace")).expect("a file");
        let others =
            trace.lines().filter(|line| line.contains("SOCK_DGRAM") || line.contains("htons(53)"));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new());
        assert!(trace.contains("connect(") == is_sent, "{trace}");
    }
    assert!(
        proxy.asked().iter().all(|asked| asked.starts_with("socks name abcdefghijklmnop.onion:80"))
    );
}
