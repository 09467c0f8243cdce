//! .NET's `<RSAKeyValue>` (XML Signature, section 4.5.2.2), as `RSA.ToXmlString(false)` writes it.

use quick_xml::{Reader, events::Event};

use super::{PublicKey, PublicKeyError, pem::decode_base64};

/// The position of the reader in the document.
#[derive(Clone, Copy)]
enum XmlPosition {
    Start,
    Root,
    Modulus,
    Exponent,
    End,
}

/// Reads the two elements, in either order. XML constructs that could be used for attacks are refused:
/// document types, entities, CDATA, comments, unknown elements. Attributes, such as `xmlns`, are ignored.
pub(super) fn parse(xml: &str) -> Result<PublicKey, PublicKeyError> {
    const UNREADABLE: PublicKeyError = PublicKeyError::Unreadable;
    let mut reader = Reader::from_str(xml);
    let mut place = XmlPosition::Start;
    let (mut modulus, mut exponent) = (None, None);
    loop {
        match (place, reader.read_event().map_err(|_| UNREADABLE)?) {
            // The encoding that it names does not matter: the input is already text.
            (XmlPosition::Start, Event::Decl(_)) => {}
            (_, Event::Start(element)) => {
                place = match (place, element.name().0) {
                    (XmlPosition::Start, "RSAKeyValue") => XmlPosition::Root,
                    (XmlPosition::Root, "Modulus") => XmlPosition::Modulus,
                    (XmlPosition::Root, "Exponent") => XmlPosition::Exponent,
                    (XmlPosition::Root, "P" | "Q" | "DP" | "DQ" | "InverseQ" | "D") => {
                        return Err(PublicKeyError::Private);
                    }
                    _ => return Err(UNREADABLE),
                }
            }
            // The reader refuses an end tag with another name.
            (XmlPosition::Modulus | XmlPosition::Exponent, Event::End(_)) => {
                place = XmlPosition::Root
            }
            (XmlPosition::Root, Event::End(_)) => place = XmlPosition::End,
            (XmlPosition::Modulus, Event::Text(text)) if modulus.is_none() => {
                modulus = Some(decode_base64(&text.into_inner()).ok_or(UNREADABLE)?);
            }
            (XmlPosition::Exponent, Event::Text(text)) if exponent.is_none() => {
                exponent = Some(decode_base64(&text.into_inner()).ok_or(UNREADABLE)?);
            }
            (XmlPosition::Start | XmlPosition::Root | XmlPosition::End, Event::Text(text))
                if text.trim_ascii().is_empty() => {}
            (XmlPosition::End, Event::Eof) => break,
            _ => return Err(UNREADABLE),
        }
    }
    PublicKey::from_components(&modulus.ok_or(UNREADABLE)?, &exponent.ok_or(UNREADABLE)?)
}
