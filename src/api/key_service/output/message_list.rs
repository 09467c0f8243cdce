//! Writes the list of a box's messages in pieces, because a message can be larger than memory.

use super::{
    escape::Utf8Pieces,
    format::Format,
    item::{MessageHead, MessageTail},
    json, xml,
};

/// Writes a list: [`begin`](Self::begin); for each message [`open`](Self::open), any number of
/// [`data`](Self::data), [`close`](Self::close); then [`end`](Self::end). Everything is appended to `out`.
pub struct MessageListWriter {
    format: Format,
    has_message: bool,
    /// The decoder for the data of the current message, if it has data.
    data: Option<Utf8Pieces>,
}

impl MessageListWriter {
    /// A list in this format.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, has_message: false, data: None }
    }

    /// The text before the first message.
    pub fn begin(&self, out: &mut Vec<u8>) {
        match self.format {
            Format::Json => out.push(b'['),
            Format::Xml => {
                out.extend_from_slice(xml::BEGIN.as_bytes());
            }
        }
    }

    /// The start of a message, up to its data.
    pub fn open(&mut self, head: &MessageHead<'_>, out: &mut Vec<u8>) {
        let has_data = head.has_data;
        match self.format {
            Format::Json => {
                out.extend_from_slice(if self.has_message { b",{" } else { b"{" });
                json::push_fields(&head.fields(), out);
                out.extend_from_slice(b",\"MessageData\":");
                out.extend_from_slice(if has_data { b"\"" } else { b"null" });
            }
            Format::Xml => {
                out.extend_from_slice(b"<Message>");
                xml::push_fields(&head.fields(), out);
                out.extend_from_slice(if has_data { b"<MessageData>" } else { b"" });
            }
        }
        self.has_message = true;
        self.data = has_data.then(Utf8Pieces::default);
    }

    /// A piece of the message's text in UTF-8, split at any position. Ignored if the message has no text.
    pub fn data(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if let Some(data) = &mut self.data {
            data.push(bytes, text_writer(self.format, out));
        }
    }

    /// The rest of a message, after its data.
    pub fn close(&mut self, tail: &MessageTail<'_>, out: &mut Vec<u8>) {
        let data = self.data.take();
        let has_data = data.is_some();
        if let Some(mut data) = data {
            data.end(text_writer(self.format, out));
        }
        match self.format {
            Format::Json => {
                out.extend_from_slice(if has_data { b"\"," } else { b"," });
                json::push_fields(&tail.fields(), out);
                out.push(b'}');
            }
            Format::Xml => {
                out.extend_from_slice(if has_data { b"</MessageData>" } else { b"" });
                xml::push_fields(&tail.fields(), out);
                out.extend_from_slice(b"</Message>");
            }
        }
    }

    /// The text after the last message.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.format {
            Format::Json => b"]",
            Format::Xml => xml::END.as_bytes(),
        });
    }
}

fn text_writer(format: Format, out: &mut Vec<u8>) -> impl FnMut(&str) {
    move |text| match format {
        Format::Json => json::push_text(text, out),
        Format::Xml => xml::push_text(text, out),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::{Reader, events::Event};

    use super::*;
    use crate::clock::UnixSeconds;

    /// A list of one message with its text in pieces, and one file.
    fn written(format: Format, text: &[u8], size: usize) -> String {
        let mut list = MessageListWriter::new(format);
        let mut out = Vec::new();
        list.begin(&mut out);
        let head = MessageHead { message_id: 1, encryption_key: Some("k=="), has_data: true };
        list.open(&head, &mut out);
        for piece in text.chunks(size) {
            list.data(piece, &mut out);
        }
        let mut tail = MessageTail {
            created: UnixSeconds(0),
            message_hash: None,
            is_file: false,
            file_name: None,
            size: 7,
            temporary_download_id: None,
        };
        list.close(&tail, &mut out);
        list.open(&MessageHead { message_id: 2, has_data: false, ..head }, &mut out);
        list.data(b"not written", &mut out);
        tail = MessageTail { is_file: true, file_name: Some("a\"<b>"), ..tail };
        list.close(&tail, &mut out);
        list.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// The text of all elements with this `name`.
    fn read_xml(xml: &str, name: &str) -> Vec<String> {
        let (mut reader, mut found, mut is_inside) = (Reader::from_str(xml), Vec::new(), false);
        loop {
            let piece = match reader.read_event().unwrap() {
                Event::Eof => return found,
                Event::Start(start) => {
                    is_inside = start.name().as_ref() == name;
                    if is_inside {
                        found.push(String::new());
                    }
                    continue;
                }
                Event::End(_) => {
                    is_inside = false;
                    continue;
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(entity) => match entity.resolve_char_ref().unwrap() {
                    Some(character) => character.to_string(),
                    None => {
                        let name = entity.xml10_content();
                        quick_xml::escape::resolve_predefined_entity(&name).unwrap().into()
                    }
                },
                _ => continue,
            };
            if is_inside {
                found.last_mut().unwrap().push_str(&piece);
            }
        }
    }

    /// The text after parsing by an XML 1.0 reader (section 2.2 of the standard).
    fn as_xml_can(text: &str) -> String {
        let can = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        text.chars().map(|c| if can(c) { c } else { '\u{fffd}' }).collect()
    }

    #[test]
    fn a_list_has_its_fields_in_order() {
        assert_eq!(
            written(Format::Json, b"a\"\\\n\x01\xff", 1),
            concat!(
                r#"[{"MessageId":1,"EncryptionKey":"k==","MessageData":"a\"\\\n\u0001"#,
                "\u{fffd}",
                r#"","Created":"1970-01-01T00:00:00Z","MessageHash":null,"#,
                r#""IsFile":false,"FileName":null,"Size":7,"TemporaryDownloadId":null},"#,
                r#"{"MessageId":2,"EncryptionKey":"k==","MessageData":null,"#,
                r#""Created":"1970-01-01T00:00:00Z","MessageHash":null,"IsFile":true,"#,
                r#""FileName":"a\"<b>","Size":7,"TemporaryDownloadId":null}]"#
            )
        );
        assert_eq!(
            written(Format::Xml, b"a]]>\r\n\x00", 2),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?>"#,
                r#"<response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#,
                r#" xmlns:xsd="http://www.w3.org/2001/XMLSchema">"#,
                "<Message><MessageId>1</MessageId><EncryptionKey>k==</EncryptionKey>",
                "<MessageData>a]]&gt;&#xD;\n\u{fffd}</MessageData><Created>1970-01-01T00:00:00Z</Created>",
                "<IsFile>false</IsFile><Size>7</Size></Message>",
                "<Message><MessageId>2</MessageId>",
                "<EncryptionKey>k==</EncryptionKey><Created>1970-01-01T00:00:00Z</Created>",
                "<IsFile>true</IsFile><FileName>a\"&lt;b&gt;</FileName><Size>7</Size></Message>",
                "</response>"
            )
        );
    }

    #[test]
    fn an_empty_list_is_a_list() {
        for (format, expected) in [(Format::Json, "[]"), (Format::Xml, "></response>")] {
            let (list, mut out) = (MessageListWriter::new(format), Vec::new());
            list.begin(&mut out);
            list.end(&mut out);
            assert!(String::from_utf8(out).unwrap().ends_with(expected));
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        let hard = prop::sample::select(vec![
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{1f}',
            ' ',
            '"',
            '\\',
            '<',
            '>',
            '&',
            ']',
            '\u{7f}',
            '\u{85}',
            '\u{2028}',
            '\u{feff}',
            '\u{fffd}',
            '\u{fffe}',
            '\u{ffff}',
            '\u{efff}',
            '\u{10ffff}',
        ]);
        prop::collection::vec(prop_oneof![any::<char>(), hard, Just('a')], 0..200)
            .prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any_text(), size in 1usize..100) {
            let json = written(Format::Json, text.as_bytes(), size);
            let list: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&list[0]["MessageData"], &text);

            let xml = written(Format::Xml, text.as_bytes(), size);
            prop_assert_eq!(&read_xml(&xml, "MessageData"), &[as_xml_can(&text)]);
            prop_assert_eq!(&read_xml(&xml, "FileName"), &["a\"<b>"]);
            prop_assert_eq!(&as_xml_can(&xml), &xml);
        }

        #[test]
        fn any_bytes_are_written_as_text(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            size in 1usize..100,
        ) {
            let text = String::from_utf8_lossy(&bytes);
            let json = written(Format::Json, &bytes, size);
            let list: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&list[0]["MessageData"], &*text);
            let xml = written(Format::Xml, &bytes, size);
            prop_assert_eq!(&read_xml(&xml, "MessageData"), &[as_xml_can(&text)]);
        }
    }
}
