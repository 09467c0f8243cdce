//! The PROXY protocol, versions 1 and 2: the header in which a proxy names the client of a connection.
//!
//! A trusted proxy must send it, and nobody else may: a receiver that guesses could be lied to
//! (haproxy.org, proxy-protocol.txt, 2).

use std::{io, net::IpAddr};

use proxy_header::{Error, ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The length of the shortest header of version 1, `PROXY UNKNOWN\r\n`: reading this much never takes a byte
/// of what follows.
const SHORTEST: usize = 15;
/// The fixed part of version 2: 12 bytes of signature, command, family, length.
const FIXED: usize = 16;
/// The longest line of version 1.
const MAX_LINE: usize = 107;
/// The longest header of version 2 that is read: addresses, and what proxies add in practice, such as a
/// client certificate's name.
const MAX_HEADER: usize = 4 << 10;

/// Reads the header, and not a byte more. Returns the client's address; `None` if the proxy speaks for
/// itself, as in a health check.
///
/// # Errors
///
/// The stream's, and [`io::ErrorKind::InvalidData`] for anything but a header.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut header = vec![0; SHORTEST];
    stream.read_exact(&mut header).await?;
    if header.starts_with(b"\r") {
        header.resize(FIXED, 0);
        stream.read_exact(&mut header[SHORTEST..]).await?;
        let rest = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if FIXED + rest > MAX_HEADER {
            return Err(invalid("it is too long"));
        }
        header.resize(FIXED + rest, 0);
        stream.read_exact(&mut header[FIXED..]).await?;
    } else {
        while header.starts_with(b"PROXY ") && !header.ends_with(b"\r\n") {
            if header.len() == MAX_LINE {
                return Err(invalid("its line is too long"));
            }
            header.push(stream.read_u8().await?);
        }
    }
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    let (parsed, _) = ProxyHeader::parse(&header, config).map_err(|error| match error {
        Error::BufferTooShort => invalid("it is incomplete"),
        Error::Invalid => invalid("it has another form"),
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    })?;
    Ok(parsed.proxied_address().map(|address| address.source.ip().to_canonical()))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no PROXY protocol header: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 2, a proxied TCP connection over IPv4 from 203.0.113.9, with `more` after the addresses.
    fn version_2(command: u8, more: &[u8]) -> Vec<u8> {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        let length = u16::try_from(12 + more.len()).unwrap();
        header.extend([command, 0x11]);
        header.extend(length.to_be_bytes());
        header.extend([203, 0, 113, 9, 192, 0, 2, 1, 0x10, 0x00, 0x01, 0xbb]);
        header.extend(more);
        header
    }

    #[tokio::test]
    async fn headers_are_read_exactly() {
        let client = Some("203.0.113.9".parse().unwrap());
        let cases = [
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n".to_vec(), client),
            (
                b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 443\r\n".to_vec(),
                Some("2001:db8::9".parse().unwrap()),
            ),
            (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 443\r\n".to_vec(), client),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), None),
            (version_2(0x21, b""), client),
            // A TLV: PP2_TYPE_ALPN.
            (version_2(0x21, b"\x01\x00\x02h2"), client),
            (version_2(0x20, b""), None),
        ];
        for (header, expected) in cases {
            let shown = String::from_utf8_lossy(&header).into_owned();
            let input = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
            let mut stream = &input[..];
            assert_eq!(read(&mut stream).await.unwrap(), expected, "{shown}");
            assert_eq!(stream, b"GET / HTTP/1.1\r\n", "{shown}");
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let long = [&b"PROXY TCP4 "[..], &[b'1'; 200], b"\r\n"].concat();
        let huge = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"[..], &[0; 70_000]].concat();
        let mut other_version = version_2(0x21, b"");
        other_version[12] = 0x31;
        let cases: [&[u8]; 8] = [
            b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaa",
            b"PROXY TCP4 203.0.113.9\r\n........",
            b"PROXY TCP4 203.0.113.999 192.0.2.1 4711 443\r\n",
            b"PROXY",
            &long,
            &huge,
            &other_version,
        ];
        for input in cases {
            let mut stream = input;
            assert!(read(&mut stream).await.is_err(), "{}", String::from_utf8_lossy(input));
            assert!(input.len() - stream.len() <= MAX_HEADER);
        }
    }
}
