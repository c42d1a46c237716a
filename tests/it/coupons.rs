//! Coupon codes of a pool, from the rule files to the page.

use crate::support::{Gateway, Origin, Response, Rules, Visitor};

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
        let mut visitor = Visitor::default();
        let first = visitor.visit(gateway.address(), "/");
        assert_eq!((code_of(&first), first.has("sold out")), (None, true), "they may not keep cookies");
        let second = visitor.visit(gateway.address(), "/second");
        let code = code_of(&second).unwrap_or_else(|| panic!("{}", second.text()));
        assert!(code.starts_with("NIGHT-") && second.has("2099-12-01T00:00:00+09:00"), "{}", second.text());
        assert_eq!(code_of(&visitor.visit(gateway.address(), "/again")).as_ref(), Some(&code));
        codes.push(code);
    }
    assert_ne!(codes[0], codes[1]);
    let mut third = Visitor::default();
    for path in ["/", "/second"] {
        let page = third.visit(gateway.address(), path);
        assert_eq!((code_of(&page), page.has("sold out")), (None, true));
    }
    assert_eq!(gateway.count("noren_claims_total", "outcome=\"granted\""), 4);
}

#[test]
fn pool_that_is_open_to_everybody_gives_codes_on_the_first_page() {
    let origin = Origin::page("", "<!doctype html><html><head></head><body><p>page</p></body></html>");
    let rules = Rules::new();
    let pool = "[[pool]]\nname = 'night500'\npattern = 'NIGHT-????-????'\nlimit = 2\nfirst_visit = true\n";
    rules.site("shop", "shop.example", origin.address(), pool);
    rules.scenario("night", COUPON);
    rules.write("gateway.toml", "[limits]\nclaim_deadline = '30s'\n");
    let gateway = Gateway::serve(rules.path());
    let codes = [(); 2].map(|()| code_of(&Visitor::default().visit(gateway.address(), "/")).unwrap());
    assert_ne!(codes[0], codes[1]);
}
