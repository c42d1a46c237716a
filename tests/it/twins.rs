//! Two gateways on one Redis and one PostgreSQL, page by page: what clients got on the wire is held against what is kept.

use crate::coupon_kills::Opened;
use crate::own_faults::await_flush;
use crate::support::postgres;
use crate::support::redis::Server;
use crate::support::rules::scenario;
use crate::support::{Connection, Ending, Gateway, Origin, PATIENCE, Request, Response, Rules, Visitor, inserting};
use noren::ids::SiteId;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

/// Has pages wait for their profiles and claims, and no breaker mind it: how fast these machines are is not what is asked.
pub(crate) const PATIENT: &str =
    "[limits]\nprofile_deadline = '10s'\nclaim_deadline = '10s'\n[breaker]\nslow_page = '60s'\n";

/// Pools, and how the codes of each begin.
pub(crate) const POOLS: [(&str, &str); 3] = [("made", "MADE-"), ("listed", "LISTED-"), ("all", "ALL500")];

/// Scenarios with caps, and how often one visitor sees each of them in one session.
pub(crate) const CAPPED: [(&str, &str, usize); 4] = [
    ("session", "per_session = 2", 2),
    ("visitor", "per_visitor = 3", 3),
    ("rest", "cooldown = '1d'", 1),
    ("pages", "cooldown = '5000 pages'", 1),
];

/// A shop whose every page has what everybody sees, what has caps, and a coupon of each pool; of each pool so many codes.
pub(crate) fn rules_on(origin: &Origin, gateway: &str, codes: u64) -> Rules {
    let rules = Rules::new();
    let pools = format!(
        "[[pool]]\nname = 'made'\npattern = 'MADE-????-????'\nlimit = {codes}\n[[pool]]\nname = 'listed'\n\
         [[pool]]\nname = 'all'\ncode = 'ALL500'\nlimit = {codes}\n"
    );
    rules.site("shop", "shop.example", origin.address(), &pools);
    rules.scenario("hello", &inserting("true", "<i>hello</i>"));
    rules.scenario("known", &inserting("visitor.pageviews >= 3", "<i>known</i>"));
    for (name, cap, _) in CAPPED {
        rules.scenario(name, &scenario("true", &format!("[caps]\n{cap}"), &format!("<i>{name}</i>"), "prepend"));
    }
    for (pool, _) in POOLS {
        let coupon = format!("[variant.coupon]\ntitle = 'Thanks'\namount = '500円OFF'\npool = '{pool}'\n");
        rules.scenario(&format!("coupon-{pool}"), &format!("name = '{pool}'\nwhen = true\n[[variant]]\n{coupon}"));
    }
    rules.write("gateway.toml", gateway);
    rules
}

/// Adds codes to the pool of a list.
pub(crate) fn add_codes(location: &str, codes: u64) {
    let codes: Vec<String> = (0..codes).map(|number| format!("LISTED-{number}")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let opened = Opened::at(location);
    let added = runtime.block_on(opened.coupons().add_codes(&SiteId::new("shop"), "listed", &codes, None)).unwrap();
    assert_eq!(added, codes.len());
}

/// The servers, the shop, and both gateways.
pub(crate) struct Twins {
    pub(crate) gateways: [Gateway; 2],
    pub(crate) redis: Server,
    pub(crate) postgres: postgres::Cluster,
    _shop: Origin,
}

impl Twins {
    /// With so many codes in each pool.
    pub(crate) fn start(codes: u64, limits: &str) -> Self {
        let (redis, postgres) = (Server::start(&[]), postgres::Cluster::start());
        add_codes(&postgres.url(), codes);
        let shop = Origin::page("", HTML);
        let stores = format!("[store]\nprofiles = '{}'\nledger = '{}'\n{limits}", redis.url(), postgres.url());
        let rules = rules_on(&shop, &stores, codes);
        let one = Gateway::serve(rules.path());
        let other = Gateway::serve_beside(rules.path(), &one);
        Self { gateways: [one, other], redis, postgres, _shop: shop }
    }

    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        self.gateways.each_ref().map(Gateway::address)
    }

    pub(crate) fn await_flush(&self) {
        self.gateways.iter().for_each(await_flush);
    }

    /// How often each page was kept as viewed.
    pub(crate) fn kept_views(&self) -> BTreeMap<String, usize> {
        counted(&self.postgres.sql("SELECT path, count(*) FROM events WHERE kind = 'page_view' GROUP BY path"))
    }

    /// Exposures kept, by scenario.
    pub(crate) fn kept_exposures(&self) -> BTreeMap<String, usize> {
        counted(&self.postgres.sql("SELECT scenario, count(*) FROM events WHERE kind = 'exposure' GROUP BY scenario"))
    }
}

/// Rows of a name and a number.
pub(crate) fn counted(rows: &str) -> BTreeMap<String, usize> {
    rows.lines()
        .map(|row| row.rsplit_once('|').map(|(name, n)| (name.to_owned(), n.parse().unwrap())).unwrap())
        .collect()
}

/// What came of a page, were it only a part. `None`: not even its head.
pub(crate) fn try_page(address: SocketAddr, request: &Request) -> Option<Response> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut connection = Connection::over(stream);
    connection.try_request(request);
    let head = connection.body().try_head("GET")?;
    let (body, ending) = connection.body().rest();
    Some(Response { head, body, ending })
}

/// The codes on a page, even on a part of one.
pub(crate) fn codes_of(page: &Response) -> Vec<String> {
    let text = page.text();
    let codes = text.split("-chars\">").skip(1);
    codes.filter_map(|rest| rest.split_once('<').map(|(code, _)| code.to_owned())).collect()
}

/// What one visitor got in all their tabs.
#[derive(Debug, Default, Clone)]
pub(crate) struct Got {
    pub(crate) codes: BTreeSet<String>,
    /// Deliveries, by scenario.
    pub(crate) shown: BTreeMap<&'static str, usize>,
    pub(crate) whole: usize,
    pub(crate) cut: usize,
    /// Each page in words, for whoever has to find out.
    pub(crate) story: Vec<String>,
}

impl Got {
    /// Takes in what came of a page, whole or not: what has left has left.
    pub(crate) fn take(&mut self, page: &Response) {
        self.codes.extend(codes_of(page));
        let markers: Vec<String> =
            page.text().split("data-noren=\"").skip(1).map(|rest| rest.chars().take(12).collect()).collect();
        self.story.push(format!("{:?}, {} cookies: {markers:?}", page.ending, page.all("set-cookie").len()));
        for name in CAPPED.map(|(name, ..)| name).into_iter().chain(["hello"]) {
            *self.shown.entry(name).or_default() += page.count(&format!("{name}/a"));
        }
        *(if page.ending == Ending::Complete { &mut self.whole } else { &mut self.cut }) += 1;
    }

    /// The code of a pool; a second one is a failure.
    pub(crate) fn code(&self, begins: &str) -> Option<&str> {
        let mut own = self.codes.iter().filter(|code| code.starts_with(begins));
        let (code, more) = (own.next(), own.next());
        assert_eq!(more, None, "one visitor, two codes: {:?}", self.codes);
        code.map(String::as_str)
    }

    /// Scenarios that were shown more often than their caps allow.
    pub(crate) fn overshot(&self) -> usize {
        CAPPED.iter().filter(|(name, _, most)| self.shown.get(name).is_some_and(|shown| shown > most)).count()
    }
}

#[test]
fn caps_are_reached_and_never_overshot_by_tabs_on_both_gateways() {
    const VISITORS: usize = 4;
    const TABS: usize = 4;
    const PAGES: usize = 6;
    let twins = Twins::start(1, PATIENT);
    let addresses = twins.addresses();
    let all: Vec<Got> = std::thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS)
            .map(|number| {
                scope.spawn(move || {
                    let mut visitor = Visitor::default();
                    let got = Mutex::new(Got::default());
                    got.lock().unwrap().take(&visitor.visit(addresses[number % 2], &format!("/{number}")));
                    std::thread::scope(|scope| {
                        for tab in 0..TABS {
                            let (mut visitor, got) = (visitor.clone(), &got);
                            scope.spawn(move || {
                                for page in 0..PAGES {
                                    let path = format!("/{number}/{tab}/{page}");
                                    let page = visitor.visit(addresses[tab % 2], &path);
                                    got.lock().unwrap().take(&page);
                                }
                            });
                        }
                    });
                    got.into_inner().unwrap()
                })
            })
            .collect();
        visitors.into_iter().map(|visitor| visitor.join().unwrap()).collect()
    });
    for got in &all {
        let shown = CAPPED.map(|(name, ..)| got.shown[name]);
        assert_eq!(shown, CAPPED.map(|(_, _, most)| most), "{CAPPED:?}");
    }
    twins.await_flush();
    let kept = twins.kept_exposures();
    for (name, _, most) in CAPPED {
        assert_eq!(kept[name], VISITORS * most, "{name}: what pages showed is what is kept");
    }
    let pages = VISITORS * (1 + TABS * PAGES);
    assert_eq!((kept["hello"], twins.kept_views().len()), (pages, pages));
    assert!(twins.kept_views().values().all(|times| *times == 1), "each page view is kept once");
}

#[test]
fn codes_on_pages_of_both_gateways_are_each_ones_own_and_all_are_in_the_ledger() {
    const CLIENTS: usize = 20;
    const CODES: u64 = 25;
    let twins = Twins::start(CODES, PATIENT);
    let addresses = twins.addresses();
    // Two visitors a client, one after the other: more than there are codes.
    let all: Vec<(Visitor, Got)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    let browse = |_| {
                        let (mut visitor, mut got) = (Visitor::default(), Got::default());
                        for page in 0..3 {
                            got.take(&visitor.visit(addresses[(number + page) % 2], "/"));
                            assert!(page > 0 || got.codes.is_empty(), "a cookie that has not come back yet gets none");
                        }
                        (visitor, got)
                    };
                    [0, 1].map(browse)
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    for (pool, begins) in POOLS {
        let shown: Vec<&str> = all.iter().filter_map(|(_, got)| got.code(begins)).collect();
        assert_eq!(shown.len() as u64, CODES, "{pool}: all codes and no more");
        let mut shown: Vec<String> = shown.into_iter().map(str::to_owned).collect();
        shown.sort_unstable();
        let kinds = shown.iter().collect::<BTreeSet<_>>().len() as u64;
        assert_eq!(kinds, if pool == "all" { 1 } else { CODES }, "{pool}: no code is two visitors'");
        let granted = format!("SELECT code FROM coupon_grants WHERE pool = '{pool}' ORDER BY code COLLATE \"C\"");
        assert_eq!(twins.postgres.sql(&granted), shown.join("\n"), "{pool}: what pages showed is what is kept");
    }
    for (mut visitor, got) in all {
        for address in addresses {
            let again = codes_of(&visitor.visit(address, "/"));
            assert_eq!(again.into_iter().collect::<BTreeSet<_>>(), got.codes, "the same codes again, or none again");
        }
    }
}
