use super::*;

const TIMEOUT: i64 = 1800;

fn view(profile: &mut Profile, second: i64, path: &str) -> bool {
    let source = SourceSeen { kind: format!("from {path}"), ..SourceSeen::default() };
    profile.page_viewed(&PageViewed { at: at(second), path, source: &source, session_timeout: TIMEOUT })
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn a_gap_longer_than_the_timeout_starts_a_session_and_closes_the_books_on_the_last() {
    let mut profile = Profile::default();
    assert!(view(&mut profile, 1000, "/a"));
    assert!(!view(&mut profile, 1000 + TIMEOUT, "/b"));
    assert!(!view(&mut profile, 1100 + TIMEOUT, "/a"));
    assert_eq!((profile.visits, profile.session.pages, profile.session.depth), (1, 3, 2));
    assert_eq!(profile.previous_visit, None);

    assert!(view(&mut profile, 1101 + 2 * TIMEOUT, "/a"));
    assert_eq!((profile.visits, profile.pageviews, profile.session.pages, profile.session.depth), (2, 4, 1, 1));
    assert_eq!(profile.previous_visit, Some(1100 + TIMEOUT));
    assert_eq!((profile.ended_session_seconds, profile.ended_session_pages), (1900, 3));
    assert_eq!((profile.first_seen, profile.session.started), (1000, 1101 + 2 * TIMEOUT));
    assert_eq!(profile.first_source.as_ref().unwrap().kind, "from /a");
    assert_eq!(profile.views_of("/a"), 3);
}

#[test]
fn a_clock_set_back_neither_ends_a_session_nor_rewinds_it() {
    let mut profile = Profile::default();
    view(&mut profile, 10_000, "/");
    assert!(!view(&mut profile, 5, "/"));
    assert_eq!((profile.session.last_seen, profile.session.pages), (10_000, 2));
}

#[test]
fn only_the_most_recent_paths_are_remembered() {
    let mut profile = Profile::default();
    view(&mut profile, 0, "/kept");
    for n in 0..MAX_PATHS as i64 * 2 {
        view(&mut profile, n, &format!("/{n}"));
        view(&mut profile, n, "/kept");
    }
    assert_eq!(profile.paths.len(), MAX_PATHS);
    assert_eq!(profile.views_of("/kept"), MAX_PATHS as u32 * 2 + 1);
    assert_eq!(profile.views_of("/0"), 0);
}

#[test]
fn a_reservation_that_is_taken_back_leaves_no_trace() {
    let mut profile = Profile::default();
    view(&mut profile, 0, "/");
    let untouched = profile.clone();
    let reservation = profile.reserve("welcome", at(1));
    assert_eq!(profile.scenarios["welcome"].exposures, 1);
    profile.unreserve(&reservation);
    assert_eq!(profile, untouched);
}

#[test]
fn taking_back_an_older_reservation_keeps_the_newer_ones_cooldown() {
    let mut profile = Profile::default();
    view(&mut profile, 0, "/");
    let older = profile.reserve("welcome", at(1));
    view(&mut profile, 2, "/");
    profile.reserve("welcome", at(3));
    profile.unreserve(&older);
    let history = &profile.scenarios["welcome"];
    assert_eq!((history.exposures, history.session_exposures, history.last_exposure), (1, 1, Some(3)));
}

#[test]
fn session_exposures_start_anew_with_each_session() {
    let mut profile = Profile::default();
    view(&mut profile, 0, "/");
    let first = profile.reserve("welcome", at(1));
    view(&mut profile, TIMEOUT * 3, "/");
    profile.reserve("welcome", at(TIMEOUT * 3));
    profile.unreserve(&first);
    let history = &profile.scenarios["welcome"];
    assert_eq!((history.exposures, history.session_exposures), (1, 1));
}
