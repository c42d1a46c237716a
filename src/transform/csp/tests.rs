use super::*;

const BOTH: Needs<'_> = Needs { script: true, style: true, sources: &[], fresh_nonce: None, types_policy: None };
const SCRIPT_ONLY: Needs<'_> = Needs { style: false, ..BOTH };

/// The one policy after adapting; as it was if nothing changed.
fn one(policy: &str, needs: &Needs<'_>) -> String {
    adapt(&[policy], &[], needs).enforced.map_or_else(|| policy.to_owned(), |lines| lines.concat())
}

#[test]
fn policy_that_allows_our_files_stays_as_it_is() {
    for policy in [
        "script-src 'self' https://cdn.example; style-src *;",
        "img-src 'none'",
        "default-src 'self'",
        "upgrade-insecure-requests",
        "",
    ] {
        assert_eq!(adapt(&[policy], &[policy], &BOTH), Adapted::default(), "{policy}");
    }
}

#[test]
fn nonce_of_the_page_is_reused_and_nothing_is_added() {
    let adapted = adapt(&["script-src 'strict-dynamic' 'nonce-aB1+/=' https:; style-src 'NONCE-st'"], &[], &BOTH);
    assert_eq!(adapted.script_nonce.as_deref(), Some("aB1+/="));
    assert_eq!(adapted.style_nonce.as_deref(), Some("st"));
    assert_eq!(
        adapted.enforced.map(|lines| lines.concat()),
        Some("script-src 'strict-dynamic' 'nonce-aB1+/=' https:; style-src 'NONCE-st' 'self'".into())
    );
    let hostile = adapt(&["script-src 'nonce-\"><script>'"], &[], &SCRIPT_ONLY);
    assert_eq!(hostile.script_nonce, None, "what is no nonce never gets into an attribute");
}

#[test]
fn only_self_is_added_where_there_is_no_nonce() {
    assert_eq!(one("script-src https://cdn.example", &SCRIPT_ONLY), "script-src https://cdn.example 'self'");
    let inline =
        adapt(&["script-src 'unsafe-inline' https:"], &[], &Needs { fresh_nonce: Some("n0nce"), ..SCRIPT_ONLY });
    assert_eq!(
        inline.enforced.unwrap().concat(),
        "script-src 'unsafe-inline' https: 'self'",
        "a nonce would void the page's own scripts"
    );
    assert_eq!(inline.script_nonce, None);
}

#[test]
fn narrowest_directive_is_widened() {
    assert_eq!(
        one("default-src https:; img-src *", &SCRIPT_ONLY),
        "default-src https:; img-src *; script-src https: 'self'; connect-src https: 'self'"
    );
    assert_eq!(
        one("default-src 'none'", &Needs { style: true, ..Needs::default() }),
        "default-src 'none'; style-src 'self'"
    );
    assert_eq!(
        one("script-src a.example; script-src-elem b.example", &SCRIPT_ONLY),
        "script-src a.example; script-src-elem b.example 'self'"
    );
    assert_eq!(
        one("Script-Src a.example; script-src 'self'", &SCRIPT_ONLY),
        "Script-Src a.example 'self'; script-src 'self'",
        "the first one counts"
    );
}

#[test]
fn every_policy_and_report_only_is_edited() {
    let adapted = adapt(
        &["script-src a.example, script-src b.example", "img-src 'self'"],
        &["script-src c.example"],
        &SCRIPT_ONLY,
    );
    assert_eq!(
        adapted.enforced.unwrap(),
        ["script-src a.example 'self', script-src b.example 'self'", "img-src 'self'"]
    );
    assert_eq!(adapted.report_only.unwrap(), ["script-src c.example 'self'"]);
    let reported = adapt(&[], &["default-src 'none'; trusted-types a"], &Needs { types_policy: Some("gw"), ..BOTH });
    assert_eq!(
        reported.report_only.unwrap(),
        ["default-src 'none'; trusted-types a gw; script-src 'self'; connect-src 'self'; style-src 'self'"]
    );
    let mixed = adapt(&["script-src 'nonce-one'", "script-src 'strict-dynamic' 'nonce-two'"], &[], &SCRIPT_ONLY);
    assert_eq!(mixed.script_nonce.as_deref(), Some("one"));
    assert_eq!(
        mixed.enforced.unwrap(),
        ["script-src 'nonce-one'", "script-src 'strict-dynamic' 'nonce-two' 'nonce-one'"]
    );
}

#[test]
fn strict_dynamic_with_hashes_takes_a_fresh_nonce_or_forbids() {
    let policy = "script-src 'strict-dynamic' 'sha256-abc='";
    let without = adapt(&[policy], &[], &SCRIPT_ONLY);
    assert!(without.script_forbidden && without.enforced.is_none());
    let with = adapt(&[policy], &[], &Needs { fresh_nonce: Some("n0nce"), ..SCRIPT_ONLY });
    assert_eq!(with.enforced.unwrap().concat(), "script-src 'strict-dynamic' 'sha256-abc=' 'nonce-n0nce'");
    assert!(!with.script_forbidden);
}

#[test]
fn what_a_page_forbids_outright_stays_forbidden() {
    for policy in ["script-src 'none'", "script-src", "sandbox allow-forms"] {
        let adapted = adapt(&[policy], &[], &SCRIPT_ONLY);
        assert!(adapted.script_forbidden, "{policy}");
        assert!(adapted.enforced.is_none(), "{policy}");
        assert!(!adapt(&[], &[policy], &SCRIPT_ONLY).script_forbidden, "a report forbids nothing");
    }
    assert!(adapt(&["style-src 'none'"], &[], &BOTH).style_forbidden);
    assert!(!adapt(&["sandbox allow-scripts"], &[], &SCRIPT_ONLY).script_forbidden);
}

#[test]
fn named_sources_go_where_they_are_needed_and_nowhere_else() {
    let sources =
        ["frame-src https://chat.example", "img-src 'self'", "script-src evil; script-src *", "base-uri *", "*"];
    let needs = Needs { sources: &sources, ..Needs::default() };
    assert_eq!(
        one("default-src https://cdn.example; frame-src 'none'", &needs),
        "default-src https://cdn.example; frame-src https://chat.example; img-src https://cdn.example 'self'"
    );
    let needs = Needs { sources: &["script-src https://chat.example", "script-src 'self'"], ..Needs::default() };
    assert_eq!(one("script-src a.example", &needs), "script-src a.example https://chat.example 'self'");
    assert_eq!(
        one("script-src 'strict-dynamic' 'nonce-x'", &needs),
        "script-src 'strict-dynamic' 'nonce-x'",
        "a host is void there"
    );
    assert_eq!(
        one("script-src 'nonce-x'", &needs),
        "script-src 'nonce-x' https://chat.example",
        "the page's own origin is not let in where a nonce will do"
    );
}

#[test]
fn trusted_types_policy_is_named_unless_the_page_lets_nobody_make_one() {
    let needs = Needs { types_policy: Some("gw"), ..Needs::default() };
    assert_eq!(one("trusted-types shop 'allow-duplicates'", &needs), "trusted-types shop 'allow-duplicates' gw");
    for policy in ["trusted-types *", "trusted-types gw", "require-trusted-types-for 'script'"] {
        assert_eq!(one(policy, &needs), policy);
    }
    for policy in ["trusted-types 'none'", "trusted-types"] {
        let adapted = adapt(&[policy], &[policy], &needs);
        assert!(adapted.loading_forbidden && adapted.enforced.is_none(), "{policy}");
        assert!(!adapt(&[], &[policy], &needs).loading_forbidden, "a report forbids nothing");
    }
}
