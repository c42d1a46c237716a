//! `kill -9` in the midst of giving codes: what was acknowledged is its holder's, no code has two holders, no limit is overshot and no
//! code is lost. On the embedded store, and with two processes on PostgreSQL of which one after the other is killed.
//!
//! The killed process is this test binary, which runs [`child_that_gives_codes`]: twenty clients a process ask for codes of three
//! pools, each holder in two places at once, and give some back. The tests here kill a few times; `tests/coupons.sh` a hundred times.

use crate::support::faults::report;
use crate::support::postgres::Cluster;
use jiff::Timestamp;
use noren::ids::{OsRandom, SiteId, VisitorId};
use noren::store::coupons::{CodeAsk, Coupons, Holder, Issued, Step, Supply};
use noren::store::{Store, StoreSettings};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

const LOCATION: &str = "NOREN_TEST_COUPONS_AT";
const ROUND: &str = "NOREN_TEST_COUPONS_ROUND";
const CLIENTS: usize = 20;
/// Codes given when it is measured how fast that goes.
const RATED: u32 = 4_000;
/// Asks at a time when many are asked.
const WORKERS: usize = 64;
/// Chooses where the kills come.
const SEED: u64 = 0x5DEE_CE66_D1CE_4E5B;

#[test]
fn codes_given_before_a_kill_are_kept_and_unique() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("noren.db").display().to_string();
    kill("coupons-embedded", &location, 1, 6, 600);
}

#[test]
fn codes_given_by_two_processes_are_kept_and_unique_when_one_is_killed() {
    let cluster = Cluster::start();
    kill("coupons-postgres", &cluster.url(), 2, 6, 600);
}

#[test]
#[ignore = "takes minutes; tests/coupons.sh runs it"]
fn a_hundred_kills_cost_no_code() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("noren.db").display().to_string();
    kill("coupons-embedded-100", &location, 1, 100, 20_000);
    let cluster = Cluster::start_with(&[]);
    kill("coupons-postgres-100", &cluster.url(), 2, 100, 20_000);
}

#[test]
#[ignore = "measures; tests/coupons.sh runs it"]
fn how_many_codes_are_given_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start_with(&[]);
    let mut text = String::from("| store | pool | clients | codes a second |\n|---|---|--:|--:|\n");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for (store, location) in
        [("embedded", folder.path().join("noren.db").display().to_string()), ("PostgreSQL", cluster.url())]
    {
        let opened = Arc::new(Opened::at(&location));
        let codes: Vec<String> = (0..50_000).map(|number| format!("LISTED-{number}")).collect();
        runtime.block_on(opened.coupons().add_codes(&site(), "listed", &codes, None)).unwrap();
        for (pool, supply) in supplies(50_000) {
            let start = Instant::now();
            let asks = (0..RATED).map(|holder| ask(pool, &supply, holder));
            let answers = runtime.block_on(reserve_all(&opened, asks));
            assert!(answers.iter().flatten().all(|issued| issued.fresh) && answers.iter().all(Option::is_some));
            let rate = f64::from(RATED) / start.elapsed().as_secs_f64();
            let _ = writeln!(text, "| {store} | {pool} | {WORKERS} | {rate:.0} |");
        }
    }
    report("coupon-rates", &text);
}

/// The three pools, each of so many codes.
fn supplies(size: u64) -> [(&'static str, Supply); 3] {
    [
        ("listed", Supply::Listed),
        ("made", Supply::Pattern { pattern: "K-????-????".into(), limit: size }),
        ("all", Supply::Fixed { code: "YORU500".into(), limit: size }),
    ]
}

fn site() -> SiteId {
    SiteId::new("killed")
}

fn ask(pool: &str, supply: &Supply, holder: u32) -> CodeAsk {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&holder.to_be_bytes());
    CodeAsk {
        site: site(),
        pool: pool.into(),
        holder: Holder::Visitor(VisitorId(id)),
        supply: supply.clone(),
        at: Timestamp::now(),
        expires: None,
    }
}

pub(crate) enum Opened {
    Embedded(Arc<dyn Store>),
    Server(Arc<dyn noren::store::ledger::Ledger>),
}

impl Opened {
    pub(crate) fn at(location: &str) -> Self {
        if location.starts_with("postgres:") {
            Self::Server(noren::store::open_ledger(location, &StoreSettings::default(), &OsRandom).unwrap())
        } else {
            Self::Embedded(noren::store::open(location, &StoreSettings::default(), &OsRandom).unwrap())
        }
    }

    pub(crate) fn coupons(&self) -> &dyn Coupons {
        match self {
            Self::Embedded(store) => store.coupons(),
            Self::Server(ledger) => &**ledger,
        }
    }
}

/// Says what it does, a line each: `had POOL HOLDER CODE` once it was acknowledged, `returning POOL HOLDER` before that is tried, and
/// `kept POOL HOLDER CODE` if it was refused.
#[test]
#[ignore = "run by the tests above, which kill it"]
fn child_that_gives_codes() {
    let Ok(location) = std::env::var(LOCATION) else { return };
    let (round, size) =
        std::env::var(ROUND).unwrap().split_once(' ').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(give_codes(&location, round, size));
}

async fn give_codes(location: &str, round: u32, size: u64) {
    let opened = Arc::new(Opened::at(location));
    let turns = Arc::new(AtomicU32::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (opened, turns) = (opened.clone(), turns.clone());
        clients.spawn(async move {
            loop {
                let turn = turns.fetch_add(1, Ordering::Relaxed);
                let (pool, supply) = &supplies(size)[turn as usize / 2 % 3];
                // A holder has two turns in a process, and turns in the processes of three rounds.
                let holder = round / 3 * 1_000_000 + turn / 2;
                let ask = ask(pool, supply, holder);
                let Ok(answer) = opened.coupons().reserve(&ask).await else { continue };
                let Some(issued) = answer else {
                    say(&format!("none {pool}"));
                    continue;
                };
                say(&format!("had {pool} {holder} {}", issued.code));
                if issued.fresh && turn % 7 == 0 {
                    say(&format!("returning {pool} {holder}"));
                    if opened.coupons().mark(&ask, Step::Returned).await.is_ok_and(|returned| !returned) {
                        say(&format!("kept {pool} {holder} {}", issued.code));
                    }
                }
            }
        });
    }
    clients.join_all().await;
}

/// A line in one piece. Nobody listens any more: the child never outlives its parent.
fn say(line: &str) {
    if std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).is_err() {
        std::process::exit(1);
    }
}

/// A child under way.
struct Giver {
    child: Child,
    lines: BufReader<ChildStdout>,
    heard: Heard,
}

/// What a child said: per pool and holder, the code that it has for sure, or might have given back.
#[derive(Default)]
struct Heard {
    lines: usize,
    acknowledged: usize,
    stands: HashMap<(String, u32), String>,
    in_doubt: HashSet<(String, u32)>,
}

impl Giver {
    fn start(location: &str, round: u32, size: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["coupon_kills::child_that_gives_codes", "--exact", "--ignored", "--nocapture"])
            .env(LOCATION, location)
            .env(ROUND, format!("{round} {size}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, heard: Heard::default() }
    }

    /// Listens to so many lines.
    fn listen(&mut self, count: usize) {
        for _ in 0..count {
            assert!(self.hear(), "the child gives codes until it is killed");
        }
    }

    fn hear(&mut self) -> bool {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        if let Some(whole) = line.strip_suffix('\n') {
            self.heard.note(whole);
        }
        line.ends_with('\n')
    }

    /// Kills it, and hears what it had still said.
    fn kill(mut self) -> Heard {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while self.hear() {}
        self.heard
    }
}

impl Heard {
    fn note(&mut self, line: &str) {
        self.lines += 1;
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["had", pool, holder, code] => {
                self.acknowledged += 1;
                let key = ((*pool).to_owned(), holder.parse().unwrap());
                let before = self.stands.insert(key, (*code).to_owned());
                assert!(before.is_none_or(|before| before == *code), "another code: {line}");
            }
            ["returning", pool, holder] => {
                let key = ((*pool).to_owned(), holder.parse().unwrap());
                self.stands.remove(&key);
                self.in_doubt.insert(key);
            }
            ["kept", pool, holder, code] => {
                let key = ((*pool).to_owned(), holder.parse().unwrap());
                self.in_doubt.remove(&key);
                self.stands.insert(key, (*code).to_owned());
            }
            _ => {}
        }
    }
}

/// Kills processes that give codes, again and again, and looks at what is left.
fn kill(name: &str, location: &str, processes: usize, kills: u32, size: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let codes: Vec<String> = (0..size).map(|number| format!("LISTED-{number}")).collect();
    runtime.block_on(async {
        let opened = Opened::at(location);
        assert_eq!(opened.coupons().add_codes(&site(), "listed", &codes, None).await.unwrap() as u64, size);
    });
    let mut random = SEED;
    let mut givers: Vec<Giver> = (0..processes).map(|_| Giver::start(location, 0, size)).collect();
    let mut heard = Vec::new();
    for round in 1..=kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let lines = 40 + (random >> 33) as usize % 300;
        for giver in &mut givers {
            giver.listen(lines);
        }
        let killed = givers.remove(0);
        heard.push(killed.kill());
        givers.push(Giver::start(location, round, size));
    }
    heard.extend(givers.into_iter().map(Giver::kill));
    let acknowledged: usize = heard.iter().map(|heard| heard.acknowledged).sum();

    // What nobody has given back stands. A code may have been given back by one and then given to another.
    let mut stands: HashMap<(String, u32), String> = HashMap::new();
    for heard in heard {
        for (key, code) in heard.stands.into_iter().filter(|(key, _)| !heard.in_doubt.contains(key)) {
            let before = stands.insert(key.clone(), code.clone());
            assert!(before.as_ref().is_none_or(|before| *before == code), "{key:?} had {before:?} and then {code}");
        }
    }
    let unique: Vec<&String> = stands.iter().filter(|((pool, _), _)| pool != "all").map(|(_, code)| code).collect();
    let duplicates = unique.len() - unique.iter().collect::<HashSet<_>>().len();
    let (lost, over, missing) = runtime.block_on(look(location, size, &stands));
    let text = format!(
        "| store | processes | kills | acknowledged answers | holders | codes given twice | acknowledged codes lost | over the limit | \
         codes that cannot be given any more |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n| {} | {processes} | {kills} | {acknowledged} | {} | \
         {duplicates} | {lost} | {over} | {missing} |\n",
        if location.starts_with("postgres:") { "PostgreSQL" } else { "embedded" },
        stands.len(),
    );
    report(name, &text);
    assert_eq!((duplicates, lost, over, missing), (0, 0, 0, 0), "seed {SEED:x}");
}

/// Looks at what is there after all kills: acknowledged codes that are gone, codes given over the limits, and codes that are neither
/// somebody's nor to be had.
async fn look(location: &str, size: u64, stands: &HashMap<(String, u32), String>) -> (usize, u64, u64) {
    let opened = Arc::new(Opened::at(location));
    let supplies: HashMap<_, _> = supplies(size).into();
    let holders: Vec<_> = stands.iter().collect();
    let asks = holders.iter().map(|((pool, holder), _)| ask(pool, &supplies[pool.as_str()], *holder));
    let answers = reserve_all(&opened, asks).await;
    let same = |(answer, (_, code)): (&Option<Issued>, &(_, &String))| {
        answer.as_ref().is_some_and(|issued| *issued.code == ***code && !issued.fresh)
    };
    let lost = answers.iter().zip(&holders).filter(|pair| !same(*pair)).count();
    let (mut over, mut missing) = (0, 0);
    for (pool, supply) in &supplies {
        // All that is left is given out, more than once tried: then exactly as many are given as there are.
        let left = opened.coupons().pool(&site(), pool, Timestamp::now()).await.unwrap().free.unwrap_or(size);
        let mut given: Vec<Issued> = Vec::new();
        for turn in 0..3 {
            let holders = 4_000_000_000 + turn * 50_000_000..=4_000_000_000 + turn * 50_000_000 + left as u32;
            given.extend(
                reserve_all(&opened, holders.map(|holder| ask(pool, supply, holder))).await.into_iter().flatten(),
            );
            if given.len() as u64 >= left {
                break;
            }
        }
        let given: HashSet<&str> = given.iter().map(|issued| &*issued.code).collect();
        let taken_twice = stands.iter().any(|((of, _), code)| of == pool && *pool != "all" && given.contains(&**code));
        assert!(!taken_twice, "{pool}: a code that is somebody's was given again");
        let state = opened.coupons().pool(&site(), pool, Timestamp::now()).await.unwrap();
        assert_eq!(state.free, Some(0), "{pool}");
        over += state.given.saturating_sub(size);
        missing += size.saturating_sub(state.given);
    }
    (lost, over, missing)
}

/// Asks for many codes, so many at a time. The answers in the order of the asks.
async fn reserve_all(opened: &Arc<Opened>, asks: impl Iterator<Item = CodeAsk>) -> Vec<Option<Issued>> {
    let asks: Arc<Vec<CodeAsk>> = Arc::new(asks.collect());
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let (opened, asks) = (opened.clone(), asks.clone());
        workers.spawn(async move {
            let mut answers = Vec::new();
            for index in (worker..asks.len()).step_by(WORKERS) {
                answers.push((index, opened.coupons().reserve(&asks[index]).await.unwrap()));
            }
            answers
        });
    }
    let mut answers: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    answers.sort_unstable_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
