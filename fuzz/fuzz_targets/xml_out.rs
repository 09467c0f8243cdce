//! Whatever people send, the XML it is told in is read by a parser that nobody here wrote, and holds
//! the same text, but for what XML 1.0 can not hold.
#![no_main]

use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use quick_xml::{Reader, events::Event};
use sealdrop::{
    api::key_service::output::{
        format::Format,
        item::{KeyItem, MessageHead, MessageTail},
        message_list::MessageListWriter,
    },
    clock::UnixSeconds,
};
use tokio::runtime::Builder;

// The first byte is the length of the pieces that a message comes in.
fuzz_target!(|data: &[u8]| {
    let Some((size, bytes)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let expected = as_xml_can(&text);

    let list = read(&list(bytes, usize::from(*size).max(1), &text));
    for name in ["MessageData", "EncryptionKey", "MessageHash", "FileName", "TemporaryDownloadId"] {
        assert_eq!(find(&list, name), [&*expected], "{name}");
    }
    let key = read(&key(&text));
    for name in ["KeyToken", "PublicKey", "PrivateKey", "PrivateKeyHash", "URI"] {
        assert_eq!(find(&key, name), [&*expected], "{name}");
    }
});

fn list(bytes: &[u8], size: usize, text: &str) -> String {
    let (mut list, mut out) = (MessageListWriter::new(Format::Xml), Vec::new());
    list.begin(&mut out);
    let head = MessageHead { message_id: 1, encryption_key: Some(text), has_data: true };
    list.open(&head, &mut out);
    bytes.chunks(size).for_each(|piece| list.data(piece, &mut out));
    let tail = MessageTail {
        created: UnixSeconds(0),
        message_hash: Some(text),
        is_file: true,
        file_name: Some(text),
        size: 1,
        temporary_download_id: Some(text),
    };
    list.close(&tail, &mut out);
    list.end(&mut out);
    String::from_utf8(out).expect("UTF-8")
}

fn key(text: &str) -> String {
    let response = Format::Xml.key(&KeyItem {
        key_id: 1,
        key_token: text,
        public_key: text,
        private_key: Some(text),
        private_key_hash: text,
        is_private_key_encrypted: true,
        is_public_key_only: false,
        request_date: UnixSeconds(0),
        release_date: UnixSeconds(0),
        lock_date: Some(UnixSeconds(1)),
        delete_messages_after_reading: false,
        delete_key_after_reading: false,
        uri: text,
    });
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let body = runtime.block_on(response.into_body().collect()).expect("a body in memory");
    String::from_utf8(body.to_bytes().to_vec()).expect("UTF-8")
}

/// The innermost elements of a document, in order: name and text.
fn read(xml: &str) -> Vec<(String, String)> {
    let (mut reader, mut found, mut open) = (Reader::from_str(xml), Vec::new(), Vec::new());
    reader.config_mut().check_end_names = true;
    loop {
        let piece = match reader.read_event().expect("well-formed XML") {
            Event::Eof => break,
            Event::Start(start) => {
                open.push((start.name().as_ref().to_owned(), String::new()));
                continue;
            }
            Event::End(_) => {
                found.push(open.pop().expect("an element that is open"));
                continue;
            }
            Event::Text(text) => text.xml10_content().into_owned(),
            Event::GeneralRef(entity) => match entity.resolve_char_ref().expect("a character") {
                Some(character) => character.to_string(),
                None => {
                    let name = entity.xml10_content();
                    quick_xml::escape::resolve_predefined_entity(&name).expect("of XML").into()
                }
            },
            Event::Decl(_) | Event::Empty(_) => continue,
            other => panic!("nobody writes this: {other:?}"),
        };
        open.last_mut().expect("text in an element").1.push_str(&piece);
    }
    assert!(open.is_empty(), "all elements end");
    found
}

fn find<'a>(found: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    found.iter().filter(|(of, _)| of == name).map(|(_, text)| &**text).collect()
}

/// What XML 1.0 makes of a text (its section 2.2).
fn as_xml_can(text: &str) -> String {
    let can = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if can(c) { c } else { '\u{fffd}' }).collect()
}
