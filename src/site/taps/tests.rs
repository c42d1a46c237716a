use super::*;
use serde_json::json;

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

#[test]
fn only_what_is_pointed_at_is_kept() {
    let text =
        r#"{"a":{"b":[1,{"c":"x","d":"not wanted"},[7]],"e/f":2,"secret":"x"},"list":{"k":{"id":1},"l":{"id":2}}}"#;
    let wanted = ["/a/b/1/c", "/a/e~1f", "/list/*/id"].map(pointer);
    let value = Pick::read(&wanted, text.as_bytes()).unwrap();
    let kept = json!({
        "a": { "b": [null, { "c": "x" }, null], "e/f": 2 },
        "list": { "k": { "id": 1 }, "l": { "id": 2 } },
    });
    assert_eq!(value, kept);
    let found: Vec<_> = wanted.iter().map(|pointer| pointer.find(&value).len()).collect();
    assert_eq!(found, [1, 1, 2]);
    assert!(Pick::read(&wanted, b"{} {}").is_err() && Pick::read(&wanted, b"").is_err());
    assert_eq!(Pick::read(&[Pointer::default()], b"\xEF\xBB\xBF\"x\"").unwrap(), json!("x"));
    assert_eq!(Pointer::parse("a/b"), None);
}

#[test]
fn the_end_of_a_pointer_tells_empty_from_not() {
    for (text, something) in [
        (r#"{"e":[]}"#, false),
        (r#"{"e":{}}"#, false),
        (r#"{"e":[0]}"#, true),
        (r#"{"e":{"x":1}}"#, true),
        (r#"{"e":0}"#, false),
        (r#"{"e":"0"}"#, true),
        (r#"{"e":null}"#, false),
        ("{}", false),
    ] {
        let at = pointer("/e");
        let value = Pick::read([&at], text.as_bytes()).unwrap();
        assert_eq!(at.find(&value).into_iter().any(truthy), something, "{text}");
    }
}
