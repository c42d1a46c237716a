//! Claims of caps, judged where all machines count.

use super::*;
use crate::store::claims::Rest;
use crate::store::profile::ScenarioHistory;
use jiff::Timestamp;

const NOW: i64 = 1_800_000_000;

fn claim(id: u64) -> Claim {
    Claim {
        id,
        scenario: "welcome".into(),
        at: Timestamp::from_second(NOW).unwrap(),
        visit: 1,
        session: NOW,
        page: 1,
        per_session: None,
        per_visitor: None,
        rest: None,
        known: ScenarioHistory::default(),
    }
}

/// Two machines on one server.
struct Two {
    server: Server,
    stores: Stores,
    one: Arc<dyn Store>,
    other: Arc<dyn Store>,
}

impl Two {
    fn new() -> Self {
        let server = Server::start(&[]);
        let stores = Stores::new(server.url());
        let (one, other) = (stores.open().store, stores.open().store);
        Self { server, stores, one, other }
    }

    async fn granted(&self, claims: &[Claim]) -> Vec<bool> {
        self.one.claim(&key("s", 1), claims).await.unwrap()
    }

    async fn give_back(&self, claim: &Claim) {
        self.other.unclaim(&key("s", 1), std::slice::from_ref(claim)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_pages_at_once_on_two_machines_get_exactly_the_cap() {
    let two = Two::new();
    for (visitor, cap) in [(1, 3), (2, 1), (3, 50), (4, 0)] {
        let mut pages = tokio::task::JoinSet::new();
        for page in 0..50 {
            let store = if page % 2 == 0 { two.one.clone() } else { two.other.clone() };
            let cap = Claim { per_visitor: Some(cap), per_session: Some(40), page: page as u32, ..claim(page) };
            pages.spawn(async move { store.claim(&key("s", visitor), &[cap]).await.unwrap()[0] });
        }
        let granted = pages.join_all().await.into_iter().filter(|granted| *granted).count();
        assert_eq!(granted, cap.min(40) as usize);
    }
}

#[tokio::test]
async fn each_cap_is_judged_as_on_one_machine() {
    let two = Two::new();
    let session = |id, visit| Claim { per_session: Some(1), visit, ..claim(id) };
    assert_eq!(
        two.granted(&[session(1, 1), session(2, 1), session(3, 2), session(4, 2)]).await,
        [true, false, true, false]
    );
    // A machine that has not heard of the second visit.
    assert_eq!(two.granted(&[session(5, 1)]).await, [false]);

    let pages = |id, page| Claim { scenario: "pages".into(), rest: Some(Rest::Pages(2)), page, ..claim(id) };
    assert_eq!(two.granted(&[pages(1, 5), pages(2, 7), pages(3, 8)]).await, [true, false, true]);

    let time = |id, seconds| {
        let at = Timestamp::from_second(NOW + seconds).unwrap();
        Claim { scenario: "time".into(), rest: Some(Rest::Time(Duration::from_secs(60))), at, ..claim(id) }
    };
    assert_eq!(two.granted(&[time(1, 0), time(2, 59), time(3, 60)]).await, [true, false, true]);
    assert_eq!(two.granted(&[claim(6)]).await, [true], "nothing is capped");
}

#[tokio::test]
async fn claim_that_is_made_again_counts_once_and_one_that_is_given_back_makes_room() {
    let two = Two::new();
    let capped = |id: u64| Claim { per_visitor: Some(2), ..claim(id << 60 | id) };
    assert_eq!(
        two.granted(&[capped(1), capped(1), capped(2), capped(2), capped(3)]).await,
        [true, true, true, true, false]
    );
    two.give_back(&capped(1)).await;
    two.give_back(&capped(1)).await;
    two.give_back(&capped(9)).await;
    assert_eq!(two.granted(&[capped(4), capped(5)]).await, [true, false], "given back once, however often it is said");

    // Cooldown goes back to what it was before, unless another was delivered since.
    let resting = |id, at: i64| {
        let at = Timestamp::from_second(NOW + at).unwrap();
        Claim { scenario: "rest".into(), rest: Some(Rest::Time(Duration::from_secs(60))), at, ..claim(id) }
    };
    assert_eq!(two.granted(&[resting(1, 0), resting(2, 100)]).await, [true, true]);
    two.give_back(&resting(2, 100)).await;
    assert_eq!(two.granted(&[resting(3, 110)]).await, [true]);
    two.give_back(&resting(1, 0)).await;
    assert_eq!(two.granted(&[resting(4, 120)]).await, [false]);
}

#[tokio::test]
async fn counts_that_the_server_has_lost_begin_with_what_the_profile_knows() {
    let two = Two::new();
    let known = ScenarioHistory {
        exposures: 2,
        session: 4,
        session_exposures: 1,
        last_exposure: Some(NOW - 30),
        last_exposure_page: 7,
        ..ScenarioHistory::default()
    };
    let capped =
        |id, scenario: &str| Claim { scenario: scenario.into(), visit: 4, page: 8, known: known.clone(), ..claim(id) };
    let claims = [
        Claim { per_visitor: Some(2), ..capped(1, "a") },
        Claim { per_visitor: Some(3), ..capped(2, "b") },
        Claim { per_session: Some(1), ..capped(3, "c") },
        Claim { per_session: Some(2), ..capped(4, "d") },
        Claim { rest: Some(Rest::Time(Duration::from_secs(60))), ..capped(5, "e") },
        Claim { rest: Some(Rest::Pages(1)), ..capped(6, "f") },
        Claim { rest: Some(Rest::Pages(0)), ..capped(7, "g") },
    ];
    assert_eq!(two.granted(&claims).await, [false, true, false, true, false, false, true]);
}

#[tokio::test]
async fn tabs_that_are_counted_in_the_profile_before_they_are_claimed_count_once() {
    let two = Two::new();
    let tab = |id: u64| {
        let known = ScenarioHistory { exposures: id as u32, last_exposure: Some(NOW), ..ScenarioHistory::default() };
        Claim { per_visitor: Some(3), known, ..claim(id) }
    };
    // The last tab is the fastest.
    assert_eq!(two.granted(&[tab(2), tab(1), tab(0), tab(3)]).await, [true, true, true, false]);
}

#[tokio::test]
async fn many_claims_under_way_stay_bounded_and_exact() {
    let two = Two::new();
    let claims: Vec<Claim> = (0..500).map(|id| Claim { per_visitor: Some(400), ..claim(id) }).collect();
    let granted = two.granted(&claims).await.into_iter().filter(|granted| *granted).count();
    assert_eq!(granted, 400);
    let size = two.server.ask(&["MEMORY", "USAGE", &name(&key("s", 1), "c")]);
    let size: u64 = size.trim_start_matches(':').parse().unwrap();
    assert!(size < 8192, "{size}");
    assert_eq!(two.stores.open().store.claim(&key("s", 2), &[]).await.unwrap(), Vec::<bool>::new());
}
