//! Coupon codes of a pool, from the rule files to the page.

use crate::support::{Gateway, Origin, Request, Response, Rules};

const COUPON: &str = "name = 'Night'\nwhen = true\nslot = 'top'\npriority = 2\n[[variant]]\n[variant.coupon]\ntitle = 'Thanks'\n\
                      amount = '500円OFF'\npool = 'night500'\n";
const ELSE: &str = "name = 'Else'\nwhen = true\nslot = 'top'\n[[variant]]\n[variant.html]\nhtml = '<div>sold out</div>'\n\
                    place = { at = 'body', position = 'prepend' }\n";

fn code_of(response: &Response) -> Option<String> {
    let text = response.text();
    let (_, rest) = text.split_once("-chars\">")?;
    rest.split_once('<').map(|(code, _)| code.to_owned())
}

#[test]
fn each_visitor_keeps_a_code_of_their_own_until_there_is_none_left() {
    let origin = Origin::page("", "<!doctype html><html><head></head><body><p>page</p></body></html>");
    let rules = Rules::new();
    let pool =
        "[[pool]]\nname = 'night500'\npattern = 'NIGHT-????-????'\nlimit = 2\nexpires = 2099-12-01T00:00:00+09:00\n";
    rules.site("shop", "shop.example", origin.address(), pool);
    rules.scenario("night", COUPON);
    rules.scenario("else", ELSE);
    // The ledger may have to wait for a busy disk.
    rules.write("gateway.toml", "[limits]\nclaim_deadline = '30s'\n");
    let gateway = Gateway::serve(rules.path());
    let mut codes = Vec::new();
    for _ in 0..2 {
        let first = gateway.fetch(&Request::page("/"));
        let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let code = code_of(&first).unwrap_or_else(|| panic!("{}", first.text()));
        assert!(code.starts_with("NIGHT-") && first.has("2099-12-01T00:00:00+09:00"), "{}", first.text());
        let again = gateway.fetch(&Request::page("/again").header("Cookie", &cookie));
        assert_eq!(code_of(&again).as_ref(), Some(&code));
        codes.push(code);
    }
    assert_ne!(codes[0], codes[1]);
    let third = gateway.fetch(&Request::page("/"));
    assert_eq!((code_of(&third), third.has("sold out")), (None, true));
    assert_eq!(gateway.count("noren_claims_total", "outcome=\"granted\""), 4);
}
