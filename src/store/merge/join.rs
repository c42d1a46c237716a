//! Joins two visitors that turn out to be one customer.
//!
//! Unlike two processes' copies of one profile, they have nothing in common: everything is added up, and visits are put in order.

use super::{join_paths, join_tags, scenario, shop};
use crate::store::profile::{Profile, ScenarioHistory, Session};
use std::collections::BTreeSet;

/// `mine` and `theirs` in one.
pub(in crate::store) fn join(mine: Profile, theirs: Profile, session_timeout: i64) -> Profile {
    if mine.visits == 0 && mine.scenarios.is_empty() && mine.orders == 0 {
        // Nothing but what an import may have said.
        let none = Profile::default();
        let tags = join_tags(&none.tags, mine.tags, theirs.tags.clone());
        let member = shop::member(&none.member, mine.member, theirs.member.clone());
        return Profile { joined: None, tags, member, ..theirs };
    }
    let latest = mine.session.last_seen.max(theirs.session.last_seen);
    let is_current = |side: &Profile| latest.saturating_sub(side.session.last_seen) <= session_timeout;
    let together = is_current(&mine) && is_current(&theirs) && mine.visits > 0 && theirs.visits > 0;
    let visits = mine.visits.saturating_add(theirs.visits).saturating_sub(u32::from(together));
    let pageviews = mine.pageviews.saturating_add(theirs.pageviews);
    let (mine, theirs) = (renumbered(mine, latest, visits, pageviews), renumbered(theirs, latest, visits, pageviews));

    // Taken apart field by field: a new field does not compile until it is thought of here.
    let Profile {
        first_seen,
        visits: _,
        pageviews: _,
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
        joined: _,
        erased,
    } = mine;
    let none = Profile::default();
    let (twice, paid_twice) = shop::noted_twice(&[], &shop.orders, &theirs.shop.orders);
    let theirs_is_first = theirs.first_seen != 0 && (first_seen == 0 || theirs.first_seen < first_seen);
    let (session, ended) = sessions(session, theirs.session, together);
    let seconds = ended.as_ref().map_or(0, |ended| ended.last_seen.saturating_sub(ended.started));
    for (id, theirs) in theirs.scenarios {
        let none = ScenarioHistory::default();
        let mine = scenarios.get(&id).unwrap_or(&none);
        let last = if mine.last_exposure >= theirs.last_exposure { mine } else { &theirs };
        let last_exposure_page = last.last_exposure_page;
        let joined = ScenarioHistory { last_exposure_page, ..scenario(None, mine, &theirs) };
        scenarios.insert(id, joined);
    }
    Profile {
        first_seen: if theirs_is_first { theirs.first_seen } else { first_seen },
        visits,
        pageviews,
        previous_visit: previous_visit.max(theirs.previous_visit).max(ended.as_ref().map(|ended| ended.last_seen)),
        ended_session_seconds: ended_session_seconds
            .saturating_add(theirs.ended_session_seconds)
            .saturating_add(u64::try_from(seconds).unwrap_or(0)),
        ended_session_pages: ended_session_pages
            .saturating_add(theirs.ended_session_pages)
            .saturating_add(ended.as_ref().map_or(0, |ended| u64::from(ended.pages))),
        orders: orders.saturating_add(theirs.orders).saturating_sub(twice),
        spent: spent + theirs.spent - paid_twice,
        last_order: last_order.max(theirs.last_order),
        first_source: if theirs_is_first { theirs.first_source } else { first_source },
        session,
        scenarios,
        paths: join_paths(&[], paths, theirs.paths),
        tags: join_tags(&BTreeSet::new(), tags, theirs.tags),
        shop: shop::shopping(&none.shop, shop, theirs.shop),
        member: shop::member(&none.member, member, theirs.member),
        joined: None,
        erased,
    }
}

/// A side whose visits and page views are counted as those of both: the visit going on is the last one, the last page view too.
fn renumbered(mut side: Profile, latest: i64, visits: u32, pageviews: u32) -> Profile {
    let is_last = side.session.last_seen == latest;
    let number = |visit: u32| if is_last && visit == side.visits { visits } else { 0 };
    for history in side.scenarios.values_mut() {
        history.session = number(history.session);
        if history.last_exposure.is_some() {
            let since = side.pageviews.saturating_sub(history.last_exposure_page);
            history.last_exposure_page = pageviews.saturating_sub(since);
        }
    }
    for path in &mut side.paths {
        path.visit = number(path.visit);
    }
    side
}

/// The session that goes on, and the other if it ended by itself.
fn sessions(mine: Session, theirs: Session, together: bool) -> (Session, Option<Session>) {
    let (earlier, later) = if mine.last_seen < theirs.last_seen { (mine, theirs) } else { (theirs, mine) };
    if !together {
        return (later, Some(earlier).filter(|ended| ended.pages > 0));
    }
    let (pages, depth) = (earlier.pages.saturating_add(later.pages), earlier.depth.max(later.depth));
    let last_seen = later.last_seen;
    let first = if earlier.started <= later.started { earlier } else { later };
    (Session { last_seen, pages, depth, ..first }, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::profile::shopping::OrderSeen;
    use crate::store::profile::{PageViewed, SourceSeen, Window};
    use jiff::Timestamp;

    const TIMEOUT: i64 = 1800;

    fn view(profile: &mut Profile, second: i64) {
        let source = SourceSeen { kind: format!("at {second}"), ..SourceSeen::default() };
        let at = Timestamp::from_second(second).unwrap();
        profile.page_viewed(&PageViewed { at, path: "/", source: &source, session_timeout: TIMEOUT });
    }

    fn visited(seconds: &[i64]) -> Profile {
        let mut profile = Profile::default();
        for second in seconds {
            view(&mut profile, *second);
        }
        profile
    }

    fn expose(profile: &mut Profile, second: i64) {
        profile.reserve("s", Timestamp::from_second(second).unwrap());
    }

    #[test]
    fn visits_one_after_another_are_added_up() {
        let phone = visited(&[1000, 1010, 90_000]);
        let joined = join(visited(&[50_000, 50_020]), phone, TIMEOUT);
        assert_eq!((joined.visits, joined.pageviews, joined.first_seen), (3, 5, 1000));
        assert_eq!((joined.session.started, joined.session.pages), (90_000, 1));
        assert_eq!(joined.previous_visit, Some(50_020));
        assert_eq!((joined.ended_session_seconds, joined.ended_session_pages), (30, 4));
        assert_eq!(joined.first_source.unwrap().kind, "at 1000");
        assert_eq!(joined.paths[0].views, 5);
    }

    #[test]
    fn visits_at_one_time_are_one() {
        let joined = join(visited(&[1000, 1010]), visited(&[1005, 1500]), TIMEOUT);
        assert_eq!((joined.visits, joined.session.pages, joined.session.started), (1, 4, 1000));
        assert_eq!(joined.session.last_seen, 1500);
    }

    #[test]
    fn caps_go_on_where_both_had_come() {
        let (mut mine, mut theirs) = (visited(&[1000]), visited(&[80_000, 80_010]));
        expose(&mut mine, 1000);
        expose(&mut theirs, 80_010);
        view(&mut theirs, 80_020);
        let mut joined = join(mine, theirs, TIMEOUT);
        let history = &joined.scenarios["s"];
        assert_eq!((history.exposures, history.session_exposures, history.session), (2, 1, joined.visits));
        assert_eq!(joined.pageviews - history.last_exposure_page, 1, "a page of rest");
        view(&mut joined, 200_000);
        expose(&mut joined, 200_000);
        assert_eq!(joined.scenarios["s"].session_exposures, 1);
    }

    #[test]
    fn an_order_that_both_have_seen_is_one_and_arms_of_both_stay() {
        let side = |variant: &str| {
            let mut side = visited(&[1000]);
            (side.orders, side.spent) = (1, 500.0);
            side.shop.orders.push(OrderSeen(7, 1000, 500.0));
            expose(&mut side, 1000);
            let window = Window { variant: variant.into(), from: 1000, converted: false };
            side.scenarios.get_mut("s").unwrap().windows.push(window);
            side
        };
        let joined = join(side("a"), side("b"), TIMEOUT);
        assert_eq!((joined.orders, joined.spent, joined.shop.orders.len()), (1, 500.0, 1));
        assert_eq!(joined.scenarios["s"].windows.len(), 2);
    }
}
