//! A site's files → a compiled site. Touches no disk.

use super::LoadOptions;
use super::conditions::{self, Checker};
use super::files::SiteFiles;
use super::scenario::{self, Context, Draft};
use super::segments;
use super::site::{self, Settings};
use crate::action::{Asking, ReadContext};
use crate::client::Files;
use crate::config::diagnostic::Problems;
use crate::config::document;
use crate::config::gateway::Gateway;
use crate::config::reader::Placed;
use crate::config::source::Sources;
use crate::ids::SiteId;
use crate::scenario::condition::Checked;
use crate::scenario::{RuleSet, Scenario};
use crate::site::Site;
use jiff::tz::TimeZone;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What became of a site's files.
#[derive(Debug)]
pub struct Compiled {
    /// The site's name.
    pub id: SiteId,
    /// The site; `None` when its files have errors.
    pub site: Option<Arc<Site>>,
    /// Its hosts, and where they stand in `site_file`.
    pub hosts: Vec<Placed<String>>,
    /// Path of `site.toml`.
    pub site_file: PathBuf,
    /// All problems, warnings too, by file and place.
    pub problems: Problems,
    /// The texts that the problems point into, and others.
    pub sources: Sources,
}

impl Compiled {
    /// A site that could not be compiled at all.
    #[must_use]
    pub fn failed(id: &SiteId) -> Self {
        let site_file = Path::new("sites").join(id.as_str());
        let mut problems = Problems::default();
        let help = "this is a defect of Noren: please report it, with the files of the site".to_owned();
        problems.error("internal", &site_file, 0..0, "the site cannot be compiled", Some(help));
        Self { id: id.clone(), site: None, hosts: Vec::new(), site_file, problems, sources: Sources::default() }
    }
}

/// Compiles a site.
#[must_use]
pub fn compile(files: SiteFiles, gateway: &Gateway, options: &LoadOptions) -> Compiled {
    let SiteFiles { id, site: site_file, segments, scenarios, templates, mut problems, sources } = files;

    let mut settings = None;
    let sound = site_file.text.as_deref().and_then(|text| {
        document::read(text, &site_file.path, &mut problems, |table| {
            settings = Some(site::read(table, gateway, options));
        })
    });
    let time_zone = settings.as_ref().map_or(TimeZone::UTC, |settings| settings.time_zone.clone());
    let locale = settings.as_ref().map_or_else(|| "ja".to_owned(), |settings| settings.locale.clone());

    let prefix = settings.as_ref().map_or_else(|| options.prefix.clone(), |settings| settings.prefix.clone());

    let segments::Found { segments, refused } =
        segments.map(|file| segments::read(&file, &mut problems)).unwrap_or_default();
    let ids: BTreeSet<String> = scenarios.iter().map(|file| file.stem.clone()).collect();
    let checker = Checker::new(&segments, refused, ids);

    let texts: BTreeMap<&str, &str> =
        templates.iter().filter_map(|file| Some((file.stem.as_str(), file.text.as_deref()?))).collect();
    let names: Vec<String> = texts.keys().map(|name| (*name).to_owned()).collect();
    let used = RefCell::new(BTreeSet::new());
    let template = |name: &str| {
        used.borrow_mut().insert(name.to_owned());
        texts.get(name).map(|text| (*text).to_owned())
    };
    let pools = settings.as_ref().map(|settings| settings.pools.clone()).unwrap_or_default();
    let pool_names: Vec<String> = pools.iter().map(|pool| pool.value.name.to_string()).collect();
    let used_pools = RefCell::new(BTreeSet::new());
    let has_pool = |name: &str| {
        used_pools.borrow_mut().insert(name.to_owned());
        pool_names.iter().any(|known| known == name)
    };
    let context = Context {
        time_zone: &time_zone,
        now: options.now,
        site: ReadContext {
            templates: &template,
            template_names: &names,
            has_pool: &has_pool,
            pool_names: &pool_names,
            locale: &locale,
            prefix: &prefix,
            scenario: "",
            variant: "",
        },
    };
    let mut drafts = Vec::new();
    let mut whens = Vec::new();
    for file in &scenarios {
        let found = scenario::read(file, &context, &mut problems);
        drafts.extend(found.draft);
        whens.extend(found.when);
    }
    for file in templates.iter().filter(|file| !used.borrow().contains(&file.stem)) {
        let help = format!("use it as `template = \"{}\"`, or remove the file", file.stem);
        problems.warning("unused-template", &file.path, 0..0, "no scenario uses this template", Some(help));
    }

    for pool in pools.iter().filter(|pool| !used_pools.borrow().contains(&*pool.value.name)) {
        let help = format!("use it in a coupon as `pool = \"{}\"`, or remove it", pool.value.name);
        problems.warning("unused-pool", &site_file.path, pool.span.clone(), "no scenario uses this pool", Some(help));
    }

    let all = drafts.iter().map(|draft| &draft.when).chain(&whens);
    conditions::check_segments(&checker, &segments, all, &mut problems);
    for text in &whens {
        let _ = checker.check(text, &mut problems);
    }
    warn_of_namesakes(&drafts, &mut problems);
    let judged: Vec<(Scenario, Checked)> = drafts
        .into_iter()
        .filter_map(|draft| {
            let condition = checker.check(&draft.when, &mut problems)?;
            draft.enabled.then_some((draft.scenario, condition))
        })
        .collect();

    for problem in problems.0.iter_mut().filter(|problem| problem.help.is_none()) {
        problem.help = Some(remedy(problem.code).to_owned());
    }
    problems.sort();
    let hosts = settings.as_ref().map(|settings| settings.hosts.clone()).unwrap_or_default();
    let settings = settings.filter(|_| sound.is_some() && !problems.has_errors());
    let site = settings.and_then(|settings| assemble(id.clone(), settings, judged)).map(Arc::new);
    Compiled { id, site, hosts, site_file: site_file.path, problems, sources }
}

/// Two scenarios of one name look alike in every report.
fn warn_of_namesakes(drafts: &[Draft], problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &Draft> = BTreeMap::new();
    for draft in drafts {
        match seen.get(draft.name.value.as_str()) {
            Some(first) => problems.warning(
                "duplicate-scenario-name",
                draft.when.file(),
                draft.name.span.clone(),
                format!("the scenario `{}` has the same name", first.scenario.id),
                Some("rename one, so that reports can be read".into()),
            ),
            None => {
                seen.insert(&draft.name.value, draft);
            }
        }
    }
}

fn assemble(id: SiteId, settings: Settings, scenarios: Vec<(Scenario, Checked)>) -> Option<Site> {
    let actions = scenarios.iter().flat_map(|(scenario, _)| &scenario.variants).flat_map(|variant| &variant.actions);
    let files = Files::new(&settings.prefix, actions.filter_map(|action| action.accent()));
    Some(Site {
        id,
        hosts: settings.hosts.into_iter().map(|host| host.value).collect(),
        origin: settings.origin?,
        locale: settings.locale,
        time_zone: settings.time_zone,
        currency: settings.currency,
        free_shipping_from: settings.free_shipping_from,
        cookie: settings.cookie,
        session_timeout: settings.session_timeout,
        platform: settings.platform?,
        learn: settings.learn,
        deliver_by: settings.deliver_by,
        customer: settings.customer.mappings,
        part_at_logout: settings.customer.part_at_logout,
        max_products: settings.max_products,
        limits: settings.limits,
        asking: settings
            .privacy
            .ask
            .then(|| Asking::new(&settings.prefix, settings.privacy.policy.as_deref()))
            .flatten(),
        privacy: settings.privacy,
        imports: settings.imports,
        prefix: settings.prefix,
        holdout: settings.holdout,
        https_redirect: settings.https_redirect,
        enabled: settings.enabled,
        rules: RuleSet::build(scenarios).keeping_for_known(|pool| {
            settings.pools.iter().any(|known| *known.value.name == *pool && known.value.is_for_known())
        }),
        pools: settings.pools.into_iter().map(|pool| pool.value).collect(),
        webhooks: settings.webhooks.into_iter().map(Arc::new).collect(),
        files,
    })
}

/// What to do about problems whose finder had no better idea.
fn remedy(code: &str) -> &'static str {
    match code {
        "invalid-regex" => {
            "a sign of its own meaning (`( [ { + * ? . | ^ $`) is itself when written with a backslash; see docs.rs/regex"
        }
        "wrong-type" => "compare values of one type: texts stand in quotes, numbers do not",
        "segment-cycle" => "let one of the segments do without the other",
        "bad-segment" => "mend the segment first: what is wrong with it is said where it stands",
        "bad-template" => {
            "`{{ … }}` holds a fact and `{% … %}` a tag: see that each is closed, and made of what the reference names"
        }
        _ => "see the reference of rule files for what may stand here",
    }
}
