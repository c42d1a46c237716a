//! The demo site's rules, carried in the binary so that the demo runs from anywhere.

/// All files below `rules/`: path relative to it → text.
#[must_use]
pub fn embedded_rules() -> &'static [(&'static str, &'static str)] {
    RULES
}

const RULES: &[(&str, &str)] = &[
    ("gateway.toml", include_str!("../../rules/gateway.toml")),
    ("sites/demo/scenarios/after-order.toml", include_str!("../../rules/sites/demo/scenarios/after-order.toml")),
    (
        "sites/demo/scenarios/back-after-30-days.toml",
        include_str!("../../rules/sites/demo/scenarios/back-after-30-days.toml"),
    ),
    ("sites/demo/scenarios/cart-left.toml", include_str!("../../rules/sites/demo/scenarios/cart-left.toml")),
    ("sites/demo/scenarios/cart-promise.toml", include_str!("../../rules/sites/demo/scenarios/cart-promise.toml")),
    ("sites/demo/scenarios/chat.toml", include_str!("../../rules/sites/demo/scenarios/chat.toml")),
    ("sites/demo/scenarios/first-order.toml", include_str!("../../rules/sites/demo/scenarios/first-order.toml")),
    ("sites/demo/scenarios/from-search.toml", include_str!("../../rules/sites/demo/scenarios/from-search.toml")),
    ("sites/demo/scenarios/from-social.toml", include_str!("../../rules/sites/demo/scenarios/from-social.toml")),
    ("sites/demo/scenarios/gold-coupon.toml", include_str!("../../rules/sites/demo/scenarios/gold-coupon.toml")),
    ("sites/demo/scenarios/late-night.toml", include_str!("../../rules/sites/demo/scenarios/late-night.toml")),
    ("sites/demo/scenarios/leaving.toml", include_str!("../../rules/sites/demo/scenarios/leaving.toml")),
    ("sites/demo/scenarios/product-help.toml", include_str!("../../rules/sites/demo/scenarios/product-help.toml")),
    ("sites/demo/scenarios/repeat-visitor.toml", include_str!("../../rules/sites/demo/scenarios/repeat-visitor.toml")),
    ("sites/demo/scenarios/weekend.toml", include_str!("../../rules/sites/demo/scenarios/weekend.toml")),
    (
        "sites/demo/scenarios/welcome-ranking.toml",
        include_str!("../../rules/sites/demo/scenarios/welcome-ranking.toml"),
    ),
    ("sites/demo/scenarios/women-30-49.toml", include_str!("../../rules/sites/demo/scenarios/women-30-49.toml")),
    ("sites/demo/segments.toml", include_str!("../../rules/sites/demo/segments.toml")),
    ("sites/demo/site.toml", include_str!("../../rules/sites/demo/site.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{LoadOptions, load_rules};
    use std::collections::BTreeSet;
    use std::path::Path;

    fn folder() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rules"))
    }

    fn walk(folder: &Path, files: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|kind| kind == "toml" || kind == "html") {
                files.insert(path.strip_prefix(super::tests::folder()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_rule_file_is_embedded() {
        let mut files = BTreeSet::new();
        walk(folder(), &mut files);
        assert_eq!(RULES.iter().map(|(path, _)| (*path).to_owned()).collect::<BTreeSet<_>>(), files);
    }

    #[test]
    fn rules_load_without_problems() {
        let options = LoadOptions { prefix: "gw".into(), now: "2026-11-20T12:00:00Z".parse().unwrap() };
        let loaded = load_rules(folder(), &options);
        assert_eq!(loaded.problems.0, []);
        assert_eq!(loaded.good_sites().map(|site| site.rules.scenarios.len()).collect::<Vec<_>>(), [16]);
    }
}
