//! Content-Security-Policy: what of it must change so that our own files load, and what must not.
//!
//! Pure text in, text out. The page's nonce is reused where there is one; otherwise only `'self'` and the sources that a merchant
//! named are added, to the narrowest directive. What a page forbids outright stays forbidden.

/// What inserted elements need.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs<'a> {
    /// Our script is a file of the page's own origin, and reports back to it.
    pub script: bool,
    /// Our stylesheet is a file of the page's own origin.
    pub style: bool,
    /// What inserted markup loads: a directive and a source, such as `img-src https://cdn.example`.
    pub sources: &'a [&'a str],
    /// An unguessable nonce, used only where a policy takes hashes and `'strict-dynamic'` and has no nonce to reuse.
    pub fresh_nonce: Option<&'a str>,
    /// Name of the Trusted Types policy by which our script will load others.
    pub types_policy: Option<&'a str>,
}

/// How the policies are to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adapted {
    /// New values of `Content-Security-Policy`, in order; `None`: leave them.
    pub enforced: Option<Vec<String>>,
    /// New values of `Content-Security-Policy-Report-Only`, in order; `None`: leave them.
    pub report_only: Option<Vec<String>>,
    /// Nonce for our script elements.
    pub script_nonce: Option<String>,
    /// Nonce for our style and link elements.
    pub style_nonce: Option<String>,
    /// Our script cannot run on this page: no element that needs it should be inserted.
    pub script_forbidden: bool,
    /// Our stylesheet cannot load on this page.
    pub style_forbidden: bool,
    /// Our script cannot load others on this page.
    pub loading_forbidden: bool,
}

/// Adapts all policies of a response to what is needed. Each argument holds the values of one header, line by line.
#[must_use]
pub fn adapt(enforced: &[&str], report_only: &[&str], needs: &Needs<'_>) -> Adapted {
    let mut enforced = Header::parse(enforced);
    let mut report_only = Header::parse(report_only);
    let mut adapted = Adapted::default();
    let first_nonce = |kind: Kind| {
        let policies = || enforced.policies().chain(report_only.policies());
        policies().find_map(|policy| policy.list(kind)?.nonce().map(str::to_owned))
    };
    if needs.script {
        adapted.script_nonce = first_nonce(SCRIPT);
        let fresh = needs.fresh_nonce.filter(|nonce| is_nonce(nonce));
        let lacks_nonce = |policy: &Policy| policy.list(SCRIPT).is_some_and(|list| list.is_strict());
        if adapted.script_nonce.is_none() && enforced.policies().chain(report_only.policies()).any(lacks_nonce) {
            adapted.script_nonce = fresh.map(str::to_owned);
        }
    }
    if needs.style {
        adapted.style_nonce = first_nonce(STYLE);
    }
    for (header, is_enforced) in [(&mut enforced, true), (&mut report_only, false)] {
        for policy in header.lines.iter_mut().flat_map(|line| &mut line.policies) {
            if needs.script {
                let works = policy.allow_own(SCRIPT, adapted.script_nonce.as_deref()) && !policy.sandboxes_scripts();
                adapted.script_forbidden |= is_enforced && !works;
                policy.allow_source(CONNECT, "'self'");
            }
            if needs.style {
                let works = policy.allow_own(STYLE, adapted.style_nonce.as_deref());
                adapted.style_forbidden |= is_enforced && !works;
            }
            for (name, source) in needs.sources.iter().filter_map(|text| text.split_once(' ')) {
                if let Some(kind) = KINDS.iter().find(|kind| kind.first() == Some(&name))
                    && is_source(source)
                {
                    policy.allow_source(kind, source);
                }
            }
            if let Some(name) = needs.types_policy {
                let works = policy.allow_types_policy(name);
                adapted.loading_forbidden |= is_enforced && !works;
            }
        }
    }
    adapted.enforced = enforced.changed();
    adapted.report_only = report_only.changed();
    adapted
}

/// A directive and those that it falls back on; the first is the one to add where only `default-src` stands.
type Kind = &'static [&'static str];
const SCRIPT: Kind = &["script-src", "script-src-elem"];
const STYLE: Kind = &["style-src", "style-src-elem"];
const CONNECT: Kind = &["connect-src"];
const FRAME: Kind = &["frame-src"];
const TYPES: &str = "trusted-types";
/// What inserted markup may load by.
const KINDS: [Kind; 6] = [SCRIPT, STYLE, CONNECT, FRAME, &["img-src"], &["media-src"]];

struct Header {
    lines: Vec<Line>,
}

/// One header line: policies separated by commas.
struct Line {
    text: String,
    policies: Vec<Policy>,
}

struct Policy {
    directives: Vec<Directive>,
    changed: bool,
}

struct Directive {
    name: String,
    text: String,
}

/// The sources of a directive.
struct List<'a>(&'a Directive);

impl Header {
    fn parse(values: &[&str]) -> Self {
        let lines = values
            .iter()
            .map(|text| Line { text: (*text).to_owned(), policies: text.split(',').map(Policy::parse).collect() });
        Self { lines: lines.collect() }
    }

    fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.lines.iter().flat_map(|line| &line.policies)
    }

    fn changed(self) -> Option<Vec<String>> {
        if !self.policies().any(|policy| policy.changed) {
            return None;
        }
        Some(self.lines.into_iter().map(Line::into_text).collect())
    }
}

impl Line {
    fn into_text(self) -> String {
        if !self.policies.iter().any(|policy| policy.changed) {
            return self.text;
        }
        let policies = self.policies.iter().map(|policy| {
            let directives: Vec<&str> = policy.directives.iter().map(|directive| directive.text.as_str()).collect();
            directives.join("; ")
        });
        policies.collect::<Vec<_>>().join(", ")
    }
}

impl Policy {
    fn parse(text: &str) -> Self {
        let directives = text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(|text| Directive {
            name: text.split_ascii_whitespace().next().unwrap_or_default().to_ascii_lowercase(),
            text: text.to_owned(),
        });
        Self { directives: directives.collect(), changed: false }
    }

    /// A directive counts where it stands first.
    fn position(&self, name: &str) -> Option<usize> {
        self.directives.iter().position(|directive| directive.name == name)
    }

    /// Where the sources for a kind stand, and whether in a directive of its own.
    fn effective(&self, kind: Kind) -> Option<(usize, bool)> {
        let own = kind.iter().rev().find_map(|name| self.position(name));
        let fallback = || if kind == FRAME { self.position("child-src") } else { None };
        own.map(|at| (at, true)).or_else(|| fallback().or_else(|| self.position("default-src")).map(|at| (at, false)))
    }

    fn list(&self, kind: Kind) -> Option<List<'_>> {
        self.directives.get(self.effective(kind)?.0).map(List)
    }

    fn sandboxes_scripts(&self) -> bool {
        self.position("sandbox").and_then(|at| self.directives.get(at)).is_some_and(|it| !List(it).has("allow-scripts"))
    }

    /// Lets a file of the page's own origin load. `false` if the policy forbids that outright.
    fn allow_own(&mut self, kind: Kind, nonce: Option<&str>) -> bool {
        let Some((at, own)) = self.effective(kind) else { return true };
        let Some(list) = self.directives.get(at).map(List) else { return true };
        let nonce = nonce.map(|nonce| format!("'nonce-{nonce}'"));
        if nonce.as_ref().is_some_and(|nonce| list.has_exactly(nonce)) {
            return true;
        }
        if own && list.is_none() {
            return false;
        }
        if kind == SCRIPT && list.is_strict() {
            // Hosts and 'self' are void here, and so is 'unsafe-inline': a nonce takes nothing away.
            let Some(nonce) = nonce else { return false };
            self.add(kind, &nonce);
        } else if !list.allows_self() {
            self.add(kind, "'self'");
        }
        true
    }

    fn allow_source(&mut self, kind: Kind, source: &str) {
        let Some(list) = self.list(kind) else { return };
        // Where a nonce stands, our script and what it loads carry it: the whole of the page's origin need not be let in.
        let forbidden =
            kind == SCRIPT && (list.is_strict() || list.is_none() || (source == "'self'" && list.nonce().is_some()));
        let allowed = list.has(source) || list.has("*") || (source == "'self'" && list.allows_self());
        if !allowed && !forbidden {
            self.add(kind, source);
        }
    }

    /// Lets our script make a Trusted Types policy. `false` if the page lets nobody do so.
    fn allow_types_policy(&mut self, name: &str) -> bool {
        let Some(list) = self.position(TYPES).and_then(|at| self.directives.get(at)).map(List) else { return true };
        if list.is_none() {
            return false;
        }
        if !list.has_exactly(name) && !list.has("*") {
            self.add(&[TYPES], name);
        }
        true
    }

    /// Adds a source to the directive of a kind, which is made out of the one it falls back on if need be.
    fn add(&mut self, kind: Kind, source: &str) {
        let Some((at, own)) = self.effective(kind) else { return };
        let Some(found) = self.directives.get(at) else { return };
        let name = if own { found.text.split_ascii_whitespace().next() } else { kind.first().copied() };
        let mut text = name.unwrap_or_default().to_owned();
        for old in List(found).sources().filter(|old| !old.eq_ignore_ascii_case("'none'")).chain([source]) {
            text.push(' ');
            text.push_str(old);
        }
        let directive = Directive { name: text.split(' ').next().unwrap_or_default().to_ascii_lowercase(), text };
        match self.directives.get_mut(at) {
            Some(place) if own => *place = directive,
            _ => self.directives.push(directive),
        }
        self.changed = true;
    }
}

impl<'a> List<'a> {
    fn sources(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.text.split_ascii_whitespace().skip(1)
    }

    fn has(&self, source: &str) -> bool {
        self.sources().any(|found| found.eq_ignore_ascii_case(source))
    }

    fn has_exactly(&self, source: &str) -> bool {
        self.sources().any(|found| found == source)
    }

    fn is_strict(&self) -> bool {
        self.has("'strict-dynamic'")
    }

    /// Nothing is allowed: `'none'`, or no source at all.
    fn is_none(&self) -> bool {
        self.sources().all(|source| source.eq_ignore_ascii_case("'none'"))
    }

    fn allows_self(&self) -> bool {
        self.has("'self'") || self.has("*")
    }

    fn nonce(&self) -> Option<&'a str> {
        self.sources().find_map(|source| {
            let nonce = source.get(7..)?.strip_suffix('\'')?;
            (source.get(..7)?.eq_ignore_ascii_case("'nonce-") && is_nonce(nonce)).then_some(nonce)
        })
    }
}

/// Base64, so that it is inert in an attribute.
fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte))
}

/// What cannot break out of its directive.
fn is_source(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b";,".contains(&byte))
}

#[cfg(test)]
mod tests;
