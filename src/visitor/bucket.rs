//! Puts visitors into arms by a stable hash: nothing is stored, and no other scenario, server or restart matters.

use crate::ids::{SiteId, VisitorId};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Buckets are hundredths of a percent.
pub const BUCKETS: u32 = 10_000;

/// Keeps the holdout independent of every scenario, whatever it is called.
const HOLDOUT_SALT: u64 = 0x6e6f_7265_6e21_486f;

/// The visitor's bucket in a scenario, `0..BUCKETS`: independent between scenarios and between sites.
#[must_use]
pub fn of_scenario(site: &SiteId, scenario: &str, visitor: &VisitorId) -> u32 {
    let seed = xxh3_64_with_seed(scenario.as_bytes(), xxh3_64(site.as_str().as_bytes()));
    bucket(xxh3_64_with_seed(&visitor.0, seed))
}

/// Whether the visitor is among the share (of [`BUCKETS`]) that sees no scenario of the site at all.
#[must_use]
pub fn is_held_out(site: &SiteId, visitor: &VisitorId, share: u32) -> bool {
    share > 0
        && bucket(xxh3_64_with_seed(&visitor.0, xxh3_64_with_seed(site.as_str().as_bytes(), HOLDOUT_SALT))) < share
}

/// The arm of a bucket among arms with weights; `None` if no arm has any.
pub fn arm(bucket: u32, weights: impl Iterator<Item = u32> + Clone) -> Option<usize> {
    let total: u64 = weights.clone().map(u64::from).sum();
    let mut reached = 0;
    weights.into_iter().position(|weight| {
        reached += u64::from(weight);
        u64::from(bucket) * total < reached * u64::from(BUCKETS)
    })
}

fn bucket(hash: u64) -> u32 {
    ((u128::from(hash) * u128::from(BUCKETS)) >> 64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(n: u32) -> VisitorId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_le_bytes());
        VisitorId(id)
    }

    #[test]
    fn arms_are_filled_by_weight_and_independently_of_other_scenarios() {
        let site = SiteId::new("shop");
        let mut counts = [[0_u32; 2]; 2];
        for n in 0..40_000 {
            let pick = |scenario| arm(of_scenario(&site, scenario, &visitor(n)), [25, 75].into_iter()).unwrap();
            counts[pick("a")][pick("b")] += 1;
        }
        // 1/16, 3/16, 3/16, 9/16 of 40,000; four standard deviations are below 400.
        for (count, expected) in
            [(counts[0][0], 2_500), (counts[0][1], 7_500), (counts[1][0], 7_500), (counts[1][1], 22_500)]
        {
            assert!(u32::abs_diff(count, expected) < 400, "{counts:?}");
        }
    }

    #[test]
    fn a_bucket_never_moves() {
        // These are promises to everyone who is in a test now.
        assert_eq!(of_scenario(&SiteId::new("shop"), "welcome", &visitor(1)), 2_954);
        assert_eq!(of_scenario(&SiteId::new("other"), "welcome", &visitor(1)), 6_286);
    }

    #[test]
    fn an_arm_without_weight_is_never_picked() {
        assert_eq!(arm(0, [0, 1].into_iter()), Some(1));
        assert_eq!(arm(BUCKETS - 1, [1, 0].into_iter()), Some(0));
        assert_eq!(arm(5, [0, 0].into_iter()), None);
        assert_eq!(arm(BUCKETS - 1, [u32::MAX, u32::MAX].into_iter()), Some(1));
    }

    #[test]
    fn the_holdout_has_its_share() {
        let site = SiteId::new("shop");
        let held = (0..20_000).filter(|n| is_held_out(&site, &visitor(*n), 500)).count();
        assert!(held.abs_diff(1_000) < 130, "{held}");
        assert!(!is_held_out(&site, &visitor(1), 0));
        assert!(is_held_out(&site, &visitor(1), BUCKETS));
    }
}
