//! Browsers of one customer: joined when the member's id is seen, parted at logout where the site says so.

use super::{Exchange, Gateway, InFlight};
use crate::commerce::Content;
use crate::ids::VisitorId;
use crate::site::Site;
use crate::store::{LiveProfile, ProfileKey, Write};
use std::sync::{Arc, PoisonError};

/// What becomes of a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Becomes {
    Customer(VisitorId),
    /// Somebody else than the customer whose profile they have.
    Themselves(VisitorId),
}

impl Exchange {
    /// Joins or parts the visitor by what this page has told of the member, off their time: it holds from the next page on.
    pub(super) fn settle_customer(&self, visitor: VisitorId, profile: &LiveProfile, content: &Content) {
        let said = content.member.as_ref();
        let mapped = |field: &str| {
            let (_, value) = self.delivery.customer.fields.iter().find(|(name, _)| **name == *field)?;
            Some(value.trim()).filter(|value| !value.is_empty())
        };
        let id = mapped("id").or_else(|| said?.id.as_deref().map(str::trim).filter(|id| !id.is_empty()));
        let gone = || {
            let shown = said.and_then(|member| member.logged_in) == Some(false);
            shown || mapped("is_member").is_some_and(|text| matches!(text, "0" | "false" | "no"))
        };
        let becomes = match (id, self.shared) {
            (Some(id), shared) => {
                let customer = self.gateway.customers.name(&self.site.id, id);
                if shared == Some(customer) {
                    // Whoever is told of what they do is told who they are. Otherwise nobody needs to know.
                    if !self.site.webhooks.is_empty() {
                        let mut profile = profile.lock().unwrap_or_else(PoisonError::into_inner);
                        profile.member.take(std::iter::once(("id", id)));
                    }
                    return;
                }
                Becomes::Customer(customer)
            }
            // Another page of theirs has joined them while this one was on its way: it leaves nothing behind.
            (None, None) => {
                let joined = profile.lock().unwrap_or_else(PoisonError::into_inner).joined;
                let Some(customer) = joined else { return };
                Becomes::Customer(customer)
            }
            (None, Some(customer)) if self.site.part_at_logout && gone() => Becomes::Themselves(customer),
            _ => return,
        };
        let (gateway, site, in_flight) =
            (self.gateway.clone(), self.site.clone(), InFlight::new(&self.gateway.in_flight));
        #[expect(clippy::disallowed_methods, reason = "bounded by the store's patience; a shutdown waits for it")]
        tokio::spawn(async move {
            gateway.become_of(&site, visitor, becomes).await;
            drop(in_flight);
        });
    }
}

impl Gateway {
    async fn become_of(&self, site: &Arc<Site>, visitor: VisitorId, becomes: Becomes) {
        let (Becomes::Customer(customer) | Becomes::Themselves(customer)) = becomes;
        let name = |visitor| ProfileKey { site: site.id.clone(), visitor };
        let Some(own) = self.in_time(site, self.store.load(&name(visitor))).await else { return };
        let Some(shared) = self.in_time(site, self.store.load(&name(customer))).await else { return };
        if Arc::ptr_eq(&own, &shared) {
            return;
        }
        let changed = {
            // The browser's first, always: so that no two wait for each other.
            let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            match becomes {
                _ if own.erased => false,
                Becomes::Customer(_) => {
                    let timeout = i64::try_from(site.session_timeout.as_secs()).unwrap_or(i64::MAX);
                    own.join(customer, &mut shared, timeout)
                }
                Becomes::Themselves(_) if own.joined == Some(customer) => {
                    own.part(&shared);
                    true
                }
                Becomes::Themselves(_) => false,
            }
        };
        if changed {
            // Together, so that what moved is in one of the two.
            let writes = [Write::Profile(name(visitor), own), Write::Profile(name(customer), shared)];
            self.in_time(site, self.recorder.record_committed(writes)).await;
        }
    }
}
