use super::*;
use crate::clock::{Clock, SystemClock};
use proptest::prelude::*;

fn limits() -> Limits {
    Limits { max_connections: 2, max_requests: 4, max_requests_per_site: 3, shed_at: 5000, ..Limits::default() }
}

fn admission() -> Arc<Admission> {
    Arc::new(Admission::new(SystemClock.monotonic(), usize::MAX))
}

fn room() -> Room {
    Room::of(&limits(), &SiteLimits::default())
}

#[test]
fn a_site_at_its_limit_leaves_room_for_others() {
    let (all, one, other) = (admission(), Arc::<SiteLoad>::default(), Arc::<SiteLoad>::default());
    let held: Vec<_> = (0..3).map(|_| all.request(&one, &room()).unwrap()).collect();
    assert_eq!(all.request(&one, &room()).err(), Some(Full::Site));
    let last = all.request(&other, &room()).unwrap();
    assert_eq!(all.request(&other, &room()).err(), Some(Full::Gateway));
    drop(last);
    drop(held);
    // What was refused has left nothing behind.
    assert_eq!((all.now().1, one.requests.now(), other.requests.now()), (0, 0, 0));
}

#[test]
fn a_sites_own_limits_stand_before_those_of_every_site() {
    let own = SiteLimits { max_requests: Some(1), rewrite_memory: Some(10) };
    let room = Room::of(&limits(), &own);
    let (all, site) = (admission(), Arc::<SiteLoad>::default());
    let admitted = all.request(&site, &room).unwrap();
    assert_eq!(all.request(&site, &room).err(), Some(Full::Site));
    let memory = admitted.reserve(10, &room).unwrap();
    assert_eq!(admitted.reserve(1, &room).err(), Some(Full::Site));
    drop(memory);
    assert!(admitted.reserve(1, &room).is_ok());
}

#[test]
fn pages_are_shed_before_requests_are_refused() {
    let (all, site) = (admission(), Arc::<SiteLoad>::default());
    let strained: Vec<_> =
        (0..3).map(|_| all.request(&site, &room()).unwrap()).map(|held| (held.strained(), held)).collect();
    let strained: Vec<_> = strained.iter().map(|(strained, _)| *strained).collect();
    // Half of three is one.
    assert_eq!(strained, [None, Some(Full::Site), Some(Full::Site)]);
}

#[test]
fn what_settles_down_is_no_request_any_more() {
    let (all, site) = (admission(), Arc::<SiteLoad>::default());
    let mut held = all.request(&site, &room()).unwrap();
    held.settle_down();
    held.settle_down();
    assert_eq!((all.now().1, site.requests.now()), (0, 0));
    drop(held);
    assert_eq!((all.now().1, site.requests.now()), (0, 0));
}

#[test]
fn memory_that_grows_is_missed_by_those_that_come_later() {
    let (all, site) = (admission(), Arc::<SiteLoad>::default());
    let room = Room { memory: 100, ..room() };
    let admitted = all.request(&site, &room).unwrap();
    let mut first = admitted.reserve(60, &room).unwrap();
    first.grow(100);
    assert_eq!(admitted.reserve(1, &room).err(), Some(Full::Gateway));
    drop(first);
    assert_eq!((all.now().2, site.memory.now()), (0, 0));
}

#[test]
fn connections_are_bounded_by_setting_and_by_what_the_system_allows() {
    let all = admission();
    let held = [(); 2].map(|()| all.connect(None, &limits()).unwrap());
    assert_eq!(all.connect(None, &limits()).err(), Some(Full::Gateway));
    drop(held);
    let few = Arc::new(Admission::new(SystemClock.monotonic(), 1));
    let held = few.connect(None, &limits()).unwrap();
    assert_eq!(few.connect(None, &limits()).err(), Some(Full::Gateway));
    drop(held);
    assert!(few.connect(None, &limits()).is_ok());
}

#[test]
fn one_client_may_have_few_connections_and_proxies_any_number() {
    let (all, limits) = (admission(), Limits { max_connections_per_client: 1, ..Limits::default() });
    let address = Some("192.0.2.1".parse().unwrap());
    let held = all.connect(address, &limits).unwrap();
    assert_eq!(all.connect(address, &limits).err(), Some(Full::Client));
    assert_eq!(all.now().0, 1, "a refused connection holds no place");
    let proxied = [(); 5].map(|()| all.connect(None, &limits).unwrap());
    drop(held);
    assert!(all.connect(address, &limits).is_ok());
    drop(proxied);
    assert_eq!(all.now().0, 0);
}

#[test]
fn a_site_is_the_same_after_the_world_was_exchanged() {
    let (all, world, id) = (admission(), World::default(), SiteId::new("shop"));
    let first = all.site(&id, &world);
    assert!(Arc::ptr_eq(&first, &all.site(&id, &world)));
    // Another site's first request enters all anew, and those that the world has keep what they are.
    let _ = all.site(&SiteId::new("other"), &world);
    assert!(!Arc::ptr_eq(&first, &all.site(&id, &world)), "the world has no such site");
}

#[test]
fn many_log_lines_become_one_in_a_while() {
    let line = Line::default();
    let at = Duration::from_secs;
    assert_eq!(line.say(at(3)), Some(1));
    assert_eq!((line.say(at(4)), line.say(at(12))), (None, None));
    assert_eq!(line.say(at(13)), Some(3));
    assert_eq!(line.say(at(14)), None);
}

proptest! {
    #[test]
    fn no_limit_is_overshot_by_many_at_once(limit in 1_usize..20, threads in 2_usize..6) {
        let limits = Limits { max_requests: limit, max_requests_per_site: limit, ..Limits::default() };
        let room = Room::of(&limits, &SiteLimits::default());
        let (all, site) = (admission(), Arc::<SiteLoad>::default());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let held: Vec<_> = (0..limit).filter_map(|_| all.request(&site, &room).ok()).collect();
                        assert!(all.now().1 <= limit && site.requests.now() <= limit && held.len() <= limit);
                    }
                });
            }
        });
        prop_assert_eq!((all.now().1, site.requests.now()), (0, 0));
    }
}
