//! The page's Content-Security-Policy and the plan, made to fit each other.
//!
//! The policies are widened as little as possible. Arms that a page's policies forbid are left out; the others stay.

use super::{Exchange, HeadEdits, hydration};
use crate::client::Nonces;
use crate::plan::{Needs, Plan, PlannedEdit, Runtime};
use crate::site::DeliverBy;
use crate::transform::csp::{self, Adapted};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write;

/// What the page's policies have not forbidden so far.
#[derive(Clone, Copy)]
struct Allowed {
    script: bool,
    style: bool,
    loading: bool,
}

impl Exchange {
    /// Makes plan and policies fit, and adds the links to our own files.
    pub(super) fn fit_policies(&mut self, plan: &mut Plan, headers: &HeaderMap, edits: &mut HeadEdits) {
        let lines = |name: &HeaderName| -> Vec<&str> {
            headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
        };
        let (enforced, report_only) = (lines(&CONTENT_SECURITY_POLICY), lines(&CONTENT_SECURITY_POLICY_REPORT_ONLY));
        let mut allowed = Allowed { script: true, style: true, loading: true };
        let mut adapted = Adapted::default();
        if !enforced.is_empty() || !report_only.is_empty() {
            let mut fresh = [0; 18];
            self.gateway.random.fill(&mut fresh);
            let fresh = BASE64_STANDARD.encode(fresh);
            loop {
                adapted = self.adapt(plan, allowed, (&enforced, &report_only), &fresh);
                allowed.script &= !adapted.script_forbidden;
                allowed.style &= !adapted.style_forbidden;
                allowed.loading &= !adapted.loading_forbidden;
                if !adapted.script_forbidden && !adapted.style_forbidden && !adapted.loading_forbidden {
                    break;
                }
                // Each round forbids one thing more, so there are few.
                self.leave_out(plan, |needs| !allowed.admits(needs));
                if !allowed.style && std::mem::take(&mut plan.asks) {
                    plan.edits.retain(|edit| edit.arm.is_some());
                }
            }
        }
        if plan.edits.is_empty() {
            // Nor is it fair to count an arm that shows nothing where its rivals could not be shown.
            self.forget_arms();
            return;
        }
        for (name, values) in
            [(CONTENT_SECURITY_POLICY, &adapted.enforced), (CONTENT_SECURITY_POLICY_REPORT_ONLY, &adapted.report_only)]
        {
            let Some(values) = values else { continue };
            edits.headers.remove.push(name.clone());
            let values = values.iter().filter_map(|value| HeaderValue::from_str(value).ok());
            edits.headers.append.extend(values.map(|value| (name.clone(), value)));
        }
        let nonces = Nonces { script: adapted.script_nonce.as_deref(), style: adapted.style_nonce.as_deref() };
        let (style, runtime) = (allowed.style && plan.needs_style(), allowed.script && plan.needs_runtime());
        let html = self.site.files.links(style, runtime, &self.expected(plan), nonces);
        if !html.is_empty() {
            plan.edits.push(PlannedEdit { edit: hydration::links(plan, html), arm: None });
        }
    }

    /// The arms that the runtime should find on the page, where it is to say which are not there.
    fn expected(&self, plan: &Plan) -> String {
        let mut arms = String::new();
        if plan.late || self.site.deliver_by != DeliverBy::Auto {
            return arms;
        }
        for planned in self.delivery.arms.iter().filter(|planned| !planned.late) {
            let edits = plan.edits.get(planned.edits.clone()).unwrap_or_default();
            if edits.iter().any(|planned| !planned.edit.html.is_empty()) {
                let blank = if arms.is_empty() { "" } else { " " };
                let _ = write!(arms, "{blank}{}/{}", planned.arm.scenario, planned.arm.variant);
            }
        }
        arms
    }

    fn adapt(&self, plan: &Plan, allowed: Allowed, lines: (&[&str], &[&str]), fresh_nonce: &str) -> Adapted {
        let sources: Vec<&str> = plan.arms.iter().flat_map(|needs| &needs.sources).map(AsRef::as_ref).collect();
        let loads = allowed.loading && plan.arms.iter().any(|needs| needs.loads_scripts);
        let needs = csp::Needs {
            script: allowed.script && plan.needs_runtime(),
            style: allowed.style && plan.needs_style(),
            sources: &sources,
            fresh_nonce: Some(fresh_nonce),
            types_policy: loads.then_some(self.site.prefix.as_str()),
        };
        csp::adapt(lines.0, lines.1, &needs)
    }

    /// Leaves arms out of the plan, with all their edits, and counts the page.
    fn leave_out(&mut self, plan: &mut Plan, out: impl Fn(&Needs) -> bool) {
        let mut edits = std::mem::take(&mut plan.edits).into_iter().peekable();
        let mut given_back = Vec::new();
        let arms = std::mem::take(&mut self.delivery.arms).into_iter().zip(std::mem::take(&mut plan.arms));
        for (index, (mut planned, needs)) in arms.enumerate() {
            let leave = out(&needs);
            let first = plan.edits.len();
            while let Some(edit) = edits.next_if(|edit| edit.arm == Some(index)) {
                if !leave {
                    plan.edits.push(PlannedEdit { arm: Some(plan.arms.len()), ..edit });
                }
            }
            if leave {
                given_back.push(planned);
            } else {
                planned.edits = first..plan.edits.len();
                self.delivery.arms.push(planned);
                plan.arms.push(needs);
            }
        }
        plan.edits.extend(edits);
        if !given_back.is_empty() {
            self.gateway.metrics.skipped.with_label_values(&["csp"]).inc();
            self.give_back(given_back);
        }
    }
}

impl Allowed {
    fn admits(self, needs: &Needs) -> bool {
        (self.script || needs.runtime < Runtime::Needed)
            && (self.style || !needs.style)
            && (self.loading || !needs.loads_scripts)
    }
}
