//! A browser's parser as the judge: what we insert is a node of its own, and without it the tree is the shop's.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod soup;
mod tree;

use super::{BailOut, Edit, Position};
#[cfg(test)]
use super::{
    Coding, OutCoding,
    testing::{Chunks, edit, page, run},
};
pub(super) use tree::Judged;

/// What is put into pages. Each is marked, so that the judge can take it out again.
#[cfg(test)]
const OURS: &[&str] = &[
    "<!--gw-->",
    "<div data-gw><p>for you <b>today</b><ul><li>one<li>two</ul></div>",
    "<span data-gw>for you</span>",
    "<script data-gw>'<p>'</script>",
    "<link data-gw rel=stylesheet href=/x><script data-gw defer src=/y></script>",
    "<template data-gw><td>x</template>",
];

/// Rewrites a page by edits and judges what came of it.
#[cfg(test)]
fn judge(html: &str, edits: &[Edit], chunks: &mut Chunks) -> Judged {
    let outcome =
        run(&page(Coding::Identity, Some("utf-8")), edits, OutCoding::Identity, &chunks.split(html.as_bytes()))
            .unwrap();
    let body = String::from_utf8(outcome.body).unwrap();
    Judged::new(html, &body, edits, &outcome.applied, outcome.bail_out)
}
