//! Joins what two processes did to one profile while one was taking over from the other.
//!
//! Both began from `base`. What each counted is added up, so that a cap holds from then on; a visit that both saw begin is one.

mod join;
mod shop;

use super::profile::{MAX_PATHS, PathViews, Profile, ScenarioHistory, Session, Window};
pub(super) use join::join;
use std::collections::BTreeSet;

/// `mine` and `theirs` in one, both having come from `base`.
pub(super) fn merge(base: &Profile, mine: Profile, theirs: Profile) -> Profile {
    // Where one side has moved everything to a customer's profile, what the other still noted here belongs to nobody.
    if mine.joined != base.joined || theirs.joined != base.joined {
        return if mine.joined == base.joined { theirs } else { mine };
    }
    // Taken apart field by field: a new field does not compile until it is thought of here.
    let Profile {
        first_seen,
        visits,
        pageviews,
        previous_visit,
        ended_session_seconds,
        ended_session_pages,
        orders,
        spent,
        last_order,
        first_source,
        session,
        mut scenarios,
        paths,
        tags,
        shop,
        member,
        joined,
        erased,
    } = mine;
    let (twice, paid_twice) = shop::noted_twice(&base.shop.orders, &shop.orders, &theirs.shop.orders);
    let session = sessions(base, (visits, session), (theirs.visits, theirs.session));
    let mut their_scenarios = theirs.scenarios;
    for (id, mine) in &mut scenarios {
        let theirs = their_scenarios.remove(id).unwrap_or_default();
        *mine = scenario(base.scenarios.get(id), mine, &theirs);
    }
    for (id, theirs) in their_scenarios {
        let joined = scenario(base.scenarios.get(&id), &ScenarioHistory::default(), &theirs);
        scenarios.insert(id, joined);
    }
    Profile {
        first_seen: if theirs.first_seen == 0 || first_seen == 0 {
            first_seen.max(theirs.first_seen)
        } else {
            first_seen.min(theirs.first_seen)
        },
        visits: visits.max(theirs.visits),
        pageviews: sum(base.pageviews, pageviews, theirs.pageviews),
        previous_visit: previous_visit.max(theirs.previous_visit),
        ended_session_seconds: ended_session_seconds.max(theirs.ended_session_seconds),
        ended_session_pages: ended_session_pages.max(theirs.ended_session_pages),
        orders: sum(base.orders, orders, theirs.orders).saturating_sub(twice),
        spent: theirs.spent + (spent - base.spent) - paid_twice,
        last_order: last_order.max(theirs.last_order),
        first_source: theirs.first_source.or(first_source),
        session,
        scenarios,
        paths: join_paths(&base.paths, paths, theirs.paths),
        tags: join_tags(&base.tags, tags, theirs.tags),
        shop: shop::shopping(&base.shop, shop, theirs.shop),
        member: shop::member(&base.member, member, theirs.member),
        joined,
        erased,
    }
}

/// What was counted in all: theirs, and what mine has changed since the base. A reservation taken back counts down.
fn sum(base: u32, mine: u32, theirs: u32) -> u32 {
    let all = i64::from(theirs) + i64::from(mine) - i64::from(base);
    u32::try_from(all.max(0)).unwrap_or(u32::MAX)
}

fn sessions(base: &Profile, mine: (u32, Session), theirs: (u32, Session)) -> Session {
    let ((visit, mine), (their_visit, theirs)) = (mine, theirs);
    if visit != their_visit {
        return if visit > their_visit { mine } else { theirs };
    }
    let pages_before = if base.visits == visit { base.session.pages } else { 0 };
    let pages = sum(pages_before, mine.pages, theirs.pages);
    let (last_seen, depth) = (mine.last_seen.max(theirs.last_seen), mine.depth.max(theirs.depth));
    let first = if mine.started < theirs.started { mine } else { theirs };
    Session { last_seen, pages, depth, ..first }
}

fn scenario(base: Option<&ScenarioHistory>, mine: &ScenarioHistory, theirs: &ScenarioHistory) -> ScenarioHistory {
    let none = ScenarioHistory::default();
    let base = base.unwrap_or(&none);
    let session = mine.session.max(theirs.session);
    let in_session = |one: &ScenarioHistory| if one.session == session { one.session_exposures } else { 0 };
    ScenarioHistory {
        exposures: sum(base.exposures, mine.exposures, theirs.exposures),
        session,
        session_exposures: sum(in_session(base), in_session(mine), in_session(theirs)),
        last_exposure: mine.last_exposure.max(theirs.last_exposure),
        last_exposure_page: mine.last_exposure_page.max(theirs.last_exposure_page),
        views: sum(base.views, mine.views, theirs.views),
        clicks: sum(base.clicks, mine.clicks, theirs.clicks),
        dismissals: sum(base.dismissals, mine.dismissals, theirs.dismissals),
        conversions: sum(base.conversions, mine.conversions, theirs.conversions),
        windows: windows(&base.windows, &mine.windows, &theirs.windows),
    }
}

/// Of a variant that both sides have touched, one window: from the first exposure, and converted if it is in either.
fn windows(base: &[Window], mine: &[Window], theirs: &[Window]) -> Vec<Window> {
    let mut joined = mine.to_vec();
    for their in theirs {
        let untouched = |window: &Window| base.iter().any(|base| base == window);
        match joined.iter_mut().find(|window| window.variant == their.variant) {
            Some(_) if untouched(their) => {}
            Some(window) if untouched(window) => *window = their.clone(),
            Some(window) => {
                window.from = window.from.min(their.from);
                window.converted |= their.converted;
            }
            None => joined.push(their.clone()),
        }
    }
    joined
}

/// The most recent come last. Mine count as later than theirs; the oldest go when there is no room.
fn join_paths(base: &[PathViews], mut mine: Vec<PathViews>, theirs: Vec<PathViews>) -> Vec<PathViews> {
    let mut joined = Vec::new();
    for their in theirs {
        if let Some(mine) = mine.iter_mut().find(|mine| mine.path == their.path) {
            let before = base.iter().find(|base| base.path == their.path).map_or(0, |base| base.views);
            mine.views = sum(before, mine.views, their.views);
            mine.visit = mine.visit.max(their.visit);
        } else {
            joined.push(their);
        }
    }
    joined.append(&mut mine);
    joined.drain(..joined.len().saturating_sub(MAX_PATHS));
    joined
}

fn join_tags(base: &BTreeSet<String>, mine: BTreeSet<String>, theirs: BTreeSet<String>) -> BTreeSet<String> {
    let removed_by = |one: &BTreeSet<String>| base.difference(one).cloned().collect::<BTreeSet<_>>();
    let removed: BTreeSet<_> = removed_by(&mine).union(&removed_by(&theirs)).cloned().collect();
    mine.into_iter().chain(theirs).filter(|tag| !removed.contains(tag)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(visits: u32, pageviews: u32, exposures: u32) -> Profile {
        let history =
            ScenarioHistory { exposures, session: visits, session_exposures: exposures, ..ScenarioHistory::default() };
        Profile {
            first_seen: 100,
            visits,
            pageviews,
            session: Session { started: 100, pages: pageviews, ..Session::default() },
            scenarios: [("s".to_owned(), history)].into(),
            paths: vec![PathViews { path: 1, views: pageviews, visit: visits }],
            ..Profile::default()
        }
    }

    #[test]
    fn what_both_counted_is_added_up() {
        let merged = merge(&profile(1, 10, 1), profile(1, 12, 2), profile(1, 13, 3));
        assert_eq!((merged.visits, merged.pageviews, merged.session.pages), (1, 15, 15));
        let scenario = &merged.scenarios["s"];
        assert_eq!((scenario.exposures, scenario.session_exposures), (4, 4));
        assert_eq!(merged.paths, vec![PathViews { path: 1, views: 15, visit: 1 }]);
    }

    #[test]
    fn visit_that_both_saw_begin_is_one() {
        let merged = merge(&Profile::default(), profile(1, 1, 1), profile(1, 1, 1));
        assert_eq!((merged.visits, merged.pageviews, merged.scenarios["s"].session_exposures), (1, 2, 2));
    }

    #[test]
    fn later_visit_wins_and_counts_from_its_own_beginning() {
        let merged = merge(&profile(1, 5, 1), profile(1, 6, 2), profile(2, 6, 1));
        assert_eq!((merged.visits, merged.pageviews), (2, 7));
        assert_eq!((merged.scenarios["s"].exposures, merged.scenarios["s"].session_exposures), (2, 1));
    }

    #[test]
    fn merging_with_what_did_not_change_changes_nothing() {
        let (base, changed) = (profile(1, 5, 1), profile(2, 9, 4));
        assert_eq!(merge(&base, changed.clone(), base.clone()), changed);
        assert_eq!(merge(&base, base.clone(), changed.clone()), changed);
    }

    #[test]
    fn delivery_that_was_taken_back_is_counted_down() {
        let merged = merge(&profile(1, 5, 2), profile(1, 5, 1), profile(1, 5, 3));
        assert_eq!(merged.scenarios["s"].exposures, 2);
        let without = |mut profile: Profile| {
            profile.scenarios.clear();
            profile
        };
        let merged = merge(&profile(1, 5, 1), without(profile(1, 5, 1)), profile(1, 5, 2));
        assert_eq!(merged.scenarios["s"].exposures, 1);
        let merged = merge(&profile(1, 5, 1), profile(1, 5, 2), without(profile(1, 5, 1)));
        assert_eq!(merged.scenarios["s"].exposures, 1);
    }

    #[test]
    fn oldest_paths_make_room() {
        let paths = |range: std::ops::Range<u64>| range.map(|path| PathViews { path, views: 1, visit: 1 }).collect();
        let joined = join_paths(&[], paths(100..140), paths(0..MAX_PATHS as u64));
        assert_eq!(joined.len(), MAX_PATHS);
        assert_eq!((joined[0].path, joined[MAX_PATHS - 1].path), (40, 139));
    }

    #[test]
    fn tags_are_joined_and_a_removed_one_stays_removed() {
        let tags = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let merged = join_tags(&tags(&["old", "kept"]), tags(&["kept", "mine"]), tags(&["old", "kept", "theirs"]));
        assert_eq!(merged, tags(&["kept", "mine", "theirs"]));
    }
}
