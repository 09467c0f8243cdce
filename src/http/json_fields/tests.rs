use super::*;

const NAME: Field = Field::text("name", "").with_alias("namn");
const COUNT: Field = Field::number("count", 0, 1000, "");
const FLAG: Field = Field::new("flag", FieldKind::Boolean, "");

fn error(outcome: Result<impl Sized, HttpError>) -> String {
    let Err(HttpError::Field { field, reason }) = outcome else { panic!("no field error") };
    format!("{field} {reason}")
}

#[test]
fn fields_have_their_types() {
    let body = br#" {"namn":"\u00e5 b","count":7,"flag":"true","other":[1,{}],"x":null} "#;
    let fields = JsonFields::parse(body, &[NAME, COUNT, FLAG, Field::text("x", "")]).unwrap();
    assert_eq!(fields.string(&NAME).unwrap().unwrap(), "å b");
    assert_eq!(fields.number(&COUNT).unwrap(), Some(7));
    assert!(fields.boolean(&FLAG).unwrap());
    assert_eq!(fields.string(&Field::text("x", "")).unwrap(), None);
    assert_eq!(fields.string(&Field::text("y", "")).unwrap(), None);
}

#[test]
fn lists_hold_strings() {
    let strings = |raw: &str| {
        let body = format!(r#"{{"name":{raw}}}"#);
        let fields = JsonFields::parse(body.as_bytes(), &[NAME]).unwrap();
        assert!(fields.has(&NAME) && !fields.has(&COUNT));
        let found = fields.strings(&NAME).map_err(|_| ());
        found.map(|list| list.map(|list| list.join("|")))
    };
    assert_eq!(strings(r#"["a","\u00e5"]"#), Ok(Some("a|å".into())));
    assert_eq!(strings("[]"), Ok(Some(String::new())));
    assert_eq!(strings("null"), Ok(None));
    for raw in ["7", "\"a\"", "[7]", "[\"a\",null]", "[[\"a\"]]", "{}"] {
        assert_eq!(strings(raw), Err(()), "{raw}");
    }
    let many = |n: usize| format!("[{}]", vec!["\"a\""; n].join(","));
    assert!(strings(&many(100)).is_ok() && strings(&many(101)).is_err());
}

#[test]
fn other_fields_are_left_out() {
    let body = format!("{{{}\"name\":\"a\"}}", "\"other\":[0],".repeat(1000));
    let fields = JsonFields::parse(body.as_bytes(), &[NAME]).unwrap();
    assert_eq!(fields.0.len(), 1);
    assert!(JsonFields::parse(b"{\"other\":nul}", &[NAME]).is_err());
}

#[test]
fn wrong_types_name_their_field() {
    let cases = [
        (r#"{"name":5}"#, "name must be a string"),
        (r#"{"name":"a","name":"b"}"#, "name is given more than once"),
        (r#"{"name":"a","namn":"b"}"#, "name is given more than once"),
    ];
    for (body, expected) in cases {
        assert_eq!(
            error(JsonFields::parse(body.as_bytes(), &[NAME, COUNT, FLAG]).unwrap().string(&NAME)),
            expected
        );
    }
    for raw in ["-1", "1.5", "1e-3", "\"1e3\"", "true", "[]", "99999999999999999999"] {
        let body = format!(r#"{{"count":{raw},"flag":{raw}}}"#);
        let fields = JsonFields::parse(body.as_bytes(), &[NAME, COUNT, FLAG]).unwrap();
        assert_eq!(error(fields.number(&COUNT)), "count must be a whole number", "{raw}");
        if raw != "true" {
            assert_eq!(error(fields.boolean(&FLAG)), "flag must be true or false", "{raw}");
        }
    }
}

#[test]
fn numbers_may_be_texts_and_fractions() {
    let number = |raw: &str| {
        let body = format!(r#"{{"count":{raw}}}"#);
        JsonFields::parse(body.as_bytes(), &[COUNT]).unwrap().number(&COUNT).map_err(|_| ())
    };
    let cases = [
        ("3", Ok(Some(3))),
        (r#""3""#, Ok(Some(3))),
        (r#""007""#, Ok(Some(7))),
        (r#""\u0033""#, Ok(Some(3))),
        (r#""18446744073709551615""#, Ok(Some(u64::MAX))),
        ("\"\"", Ok(None)),
        ("null", Ok(None)),
        (r#""18446744073709551616""#, Err(())),
        (r#""example""#, Err(())),
        (r#""+3""#, Err(())),
        (r#""-3""#, Err(())),
        (r#""3.0""#, Ok(Some(3))),
        (r#""3.00""#, Ok(Some(3))),
        ("3.0", Ok(Some(3))),
        ("3.000", Ok(Some(3))),
        ("30e-1", Ok(Some(3))),
        ("0.0", Ok(Some(0))),
        ("9007199254740992.0", Ok(Some(1 << 53))),
        ("9007199254740994.0", Err(())),
        ("1e300", Err(())),
        ("1e-300", Err(())),
        (r#""3.5""#, Err(())),
        (r#""3.01""#, Err(())),
        (r#""3.""#, Err(())),
        (r#"".0""#, Err(())),
        (r#"".""#, Err(())),
        (r#""3e0""#, Err(())),
        (r#""3,0""#, Err(())),
        (r#""0x3""#, Err(())),
        ("-3.0", Err(())),
        (r#"" 3""#, Err(())),
        (r#""3h""#, Err(())),
        (r#""٣""#, Err(())),
        ("-3", Err(())),
        ("3.5", Err(())),
        ("true", Err(())),
        ("[3]", Err(())),
    ];
    for (raw, expected) in cases {
        assert_eq!(number(raw), expected, "{raw}");
    }
}

#[test]
fn empty_is_absent_whatever_the_type() {
    for raw in ["null", "\"\""] {
        let body = format!(r#"{{"name":{raw}}}"#);
        let fields = JsonFields::parse(body.as_bytes(), &[NAME]).unwrap();
        assert_eq!(fields.string(&NAME).unwrap(), None, "{raw}");
        assert_eq!(fields.number(&NAME).unwrap(), None, "{raw}");
        assert_eq!(fields.strings(&NAME).unwrap(), None, "{raw}");
        assert!(!fields.boolean(&NAME).unwrap(), "{raw}");
        assert!(fields.count_or_list(&NAME).unwrap().is_none(), "{raw}");
        assert!(fields.has(&NAME), "{raw}");
    }
}

#[test]
fn a_count_is_a_number_as_others_are() {
    for (raw, expected) in [("2", Some(2)), ("2.0", Some(2)), ("\"2\"", Some(2)), ("2.5", None)] {
        let body = format!(r#"{{"count":{raw}}}"#);
        let fields = JsonFields::parse(body.as_bytes(), &[COUNT]).unwrap();
        let found = match fields.count_or_list(&COUNT) {
            Ok(Some(CountOrList::Count(count))) => Some(count),
            _ => None,
        };
        assert_eq!(found, expected, "{raw}");
    }
}

#[test]
fn a_byte_order_mark_is_left_out_once() {
    assert!(JsonFields::parse(b"\xef\xbb\xbf{}", &[NAME]).is_ok());
    assert!(JsonFields::parse(b"\xef\xbb\xbf\xef\xbb\xbf{}", &[NAME]).is_err());
    assert!(JsonFields::parse(b"\xef\xbb{}", &[NAME]).is_err());
}

#[test]
fn what_is_no_object_is_malformed() {
    for body in ["", " ", "[]", "1", "\"a\"", "{", "{\"a\":}", "{} {}", "nul"] {
        let outcome = JsonFields::parse(body.as_bytes(), &[NAME]);
        assert!(matches!(outcome, Err(HttpError::Malformed(_))), "{body:?}");
    }
    assert!(JsonFields::parse(b"{\"a\":\"\xff\"}", &[NAME]).is_err());
}

#[test]
fn a_number_is_checked_against_the_limits_of_its_field() {
    let limited = Field::number("count", 1, 300, "");
    let cases =
        [("1", Ok(Some(1))), ("\"200\"", Ok(Some(200))), ("null", Ok(None)), ("0", Err(()))];
    for (raw, expected) in cases.into_iter().chain([("256", Err(())), ("301", Err(()))]) {
        let body = format!(r#"{{"count":{raw}}}"#);
        let fields = JsonFields::parse(body.as_bytes(), &[COUNT]).unwrap();
        let found = fields.number_in_range::<u8>(&limited);
        assert_eq!(found.as_ref().copied().map_err(|_| ()), expected, "{raw}");
        if found.is_err() {
            assert_eq!(error(found), "count must be between 1 and 300", "{raw}");
        }
    }
}
