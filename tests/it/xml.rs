//! Reads XML with a parser from outside the project.

use quick_xml::{Reader, events::Event};

/// An element. Its text is that between its tags, without that of its children.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

impl Element {
    /// The only child of this name, if there is one.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        let first = found.next();
        assert!(found.next().is_none(), "{name} is there twice");
        first
    }

    /// The names of the children, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.children.iter().map(|child| child.name.as_str()).collect()
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.attributes == [("xsi:nil".to_owned(), "true".to_owned())] && self.text.is_empty()
    }
}

/// The root of a document, which must be well formed and begin with its declaration.
pub(crate) fn parse(document: &str) -> Element {
    assert!(document.starts_with(r#"<?xml version="1.0" encoding="utf-8"?><"#), "{document:.60}");
    let allowed = |c: char| c >= ' ' || c == '\n' || c == '\t';
    assert!(document.chars().all(allowed), "an unescaped control character");
    let mut reader = Reader::from_str(document);
    let mut open = vec![Element::default()];
    let end = |open: &mut Vec<Element>| {
        let element = open.pop().expect("an open element");
        open.last_mut().expect("its parent").children.push(element);
    };
    loop {
        let event =
            reader.read_event().unwrap_or_else(|error| panic!("{error} in {document:.200}"));
        let text = match event {
            Event::Eof => break,
            Event::Start(start) => {
                open.push(begin(&start));
                continue;
            }
            Event::Empty(start) => {
                open.push(begin(&start));
                end(&mut open);
                continue;
            }
            Event::End(_) => {
                end(&mut open);
                continue;
            }
            Event::Text(text) => text.xml10_content().into_owned(),
            Event::GeneralRef(entity) => match entity.resolve_char_ref().expect("a character") {
                Some(character) => character.to_string(),
                None => quick_xml::escape::resolve_predefined_entity(&entity.xml10_content())
                    .expect("an entity of XML")
                    .to_owned(),
            },
            _ => continue,
        };
        open.last_mut().expect("an open element").text.push_str(&text);
    }
    let [mut document] = <[Element; 1]>::try_from(open).expect("elements that end");
    assert_eq!(document.children.len(), 1, "one root");
    document.children.remove(0)
}

fn begin(start: &quick_xml::events::BytesStart<'_>) -> Element {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.expect("an attribute");
        (text(attribute.key.as_ref().as_ref()), text(attribute.value.as_ref().as_ref()))
    });
    Element {
        name: text(start.name().as_ref().as_ref()),
        attributes: attributes.collect(),
        ..Element::default()
    }
}
