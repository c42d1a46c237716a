//! What is open on the page while it is read: texts that are being gathered, and rows of lists.

use super::draft::Draft;
use super::links::Links;
use super::microdata::Microdata;
use super::recipe::{JSON_LD, List, MICRODATA, OPEN_GRAPH, Place, Slot, Want};
use super::text::{self, Gathered};
use super::values::{Given, Row};
use super::{Reading, jsonld, meta, schema};
use ahash::AHashMap;
use std::sync::Arc;

/// Longest script of JSON-LD that is read, and how much of them a page may have.
const MAX_JSON_LD: usize = 256 * 1024;
const ALL_JSON_LD: usize = 512 * 1024;
/// How far into an inline script a pattern is looked for.
const MAX_SCRIPT: usize = 64 * 1024;
/// Most elements of a page that are looked at.
const MAX_MATCHES: u32 = 50_000;

/// Why reading ends before the page does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Nothing that follows could tell more.
    Enough,
    /// More elements match than are looked at.
    Limit,
}

/// A page under reading.
pub(super) struct State {
    pub(super) draft: Draft,
    wants: Arc<[Want]>,
    /// Indexes of the wants that are looked for on this page.
    attached: Vec<usize>,
    open: AHashMap<usize, Capture>,
    rows: Vec<OpenRow>,
    json_ld: Option<Raw>,
    json_ld_read: usize,
    micro: Microdata,
    title: Option<Gathered>,
    whole_kinds: &'static [&'static str],
    /// Marks below `<body>` may yet show that the page is one of those.
    may_turn_out: bool,
    past_head: bool,
    serial: u64,
    matches: u32,
    /// Something was learnt since this was last asked.
    pub(super) news: bool,
    pub(super) ended: Option<Ended>,
}

/// A text that is being gathered.
struct Capture {
    serial: u64,
    text: Captured,
}

enum Captured {
    Words(Gathered),
    Script(Raw),
}

/// Text as it stands, up to a limit.
struct Raw {
    text: String,
    limit: usize,
    /// There was more.
    cut: bool,
}

struct OpenRow {
    list: List,
    serial: u64,
    row: Row,
}

impl State {
    pub(super) fn new(reading: &Reading) -> Self {
        let Reading { recipe, url, kind, whole_kinds } = reading;
        let whole = whole_kinds.contains(kind);
        let reads = |want: &Want| match &want.slot {
            Slot::Kind(_) => true,
            // A page that may yet turn out to be of another kind is prepared for all.
            slot if *kind == "other" => recipe.tells_kinds() || whole || matches!(slot, Slot::Product(_)),
            slot => whole && slot.is_read_on(kind),
        };
        let attached = recipe.wants.iter().enumerate().filter(|(_, want)| reads(want)).map(|(at, _)| at).collect();
        let shows_late = |want: &Want| {
            let kind = matches!(&want.slot, Slot::Kind(kind) if whole_kinds.contains(kind));
            kind && want.source.selector().is_some_and(|at| !at.as_str().starts_with("body"))
        };
        let may_turn_out = *kind == "other" && recipe.wants.iter().any(shows_late);
        let mut state = Self {
            draft: Draft::new(Links::new(url), kind),
            wants: recipe.wants.clone(),
            attached,
            open: AHashMap::new(),
            rows: Vec::new(),
            json_ld: None,
            json_ld_read: 0,
            micro: Microdata::default(),
            title: None,
            whole_kinds,
            may_turn_out,
            past_head: whole,
            serial: 0,
            matches: 0,
            news: true,
            ended: None,
        };
        state.take_address();
        state
    }

    /// What the page's own address tells.
    fn take_address(&mut self) {
        let address = self.draft.links().path_and_query();
        let wants = self.wants.clone();
        for want in self.attached.iter().filter_map(|at| wants.get(*at)) {
            let found = match &want.source.from {
                Place::Url => Some(address.clone()),
                Place::Query(name) => self.draft.links().parameter(name),
                _ => None,
            };
            if let Some(found) = found.as_deref().and_then(|found| want.source.take(found)) {
                self.draft.put(&want.slot, want.rank, Given::Value(found));
            }
        }
    }

    /// Wants to be looked for among the page's elements.
    pub(super) fn attached(&self) -> Vec<usize> {
        let looks = |at: &usize| self.wants.get(*at).is_some_and(|want| want.source.selector().is_some());
        self.attached.iter().copied().filter(looks).collect()
    }

    /// Whether a list's rows are looked for.
    pub(super) fn reads_rows_of(&self, list: List) -> bool {
        let wants = self.attached.iter().filter_map(|at| self.wants.get(*at));
        wants.into_iter().any(|want| matches!(want.slot, Slot::InRow(found, _) if found == list))
    }

    /// Whether it is still to be found out if the page is read beyond its head.
    pub(super) fn looks_for_head_end(&self) -> bool {
        !self.past_head
    }

    /// The head is over.
    pub(super) fn head_over(&mut self) {
        let kind = self.draft.kind();
        let goes_on = self.whole_kinds.contains(&kind) || (kind == "other" && self.may_turn_out);
        if !std::mem::replace(&mut self.past_head, true) && !goes_on {
            self.ended = Some(Ended::Enough);
        }
    }

    /// Counts an element that is looked at.
    pub(super) fn count(&mut self) {
        self.matches += 1;
        if self.matches > MAX_MATCHES {
            self.ended = Some(Ended::Limit);
        }
    }

    /// Whether a want's source is worth being looked at.
    pub(super) fn is_open_to(&self, at: usize) -> bool {
        let Some(want) = self.wants.get(at) else { return false };
        match &want.slot {
            Slot::InRow(list, field) => {
                self.row(*list).is_some_and(|row| want.slot.takes_all() || !row.knows(*field, want.rank))
            }
            slot => !self.draft.knows(slot, want.rank) && (want.slot.takes_all() || !self.open.contains_key(&at)),
        }
    }

    /// Takes an attribute's value, or an element's presence.
    pub(super) fn take(&mut self, at: usize, value: Option<&str>) {
        let given = value.map(text::clean);
        self.give(at, given.as_deref().map_or(Given::Presence, Given::Value));
    }

    /// Begins to gather an element's text. What is returned ends it.
    pub(super) fn begin(&mut self, at: usize, is_script: bool) -> Option<u64> {
        if self.open.contains_key(&at) {
            return None;
        }
        self.serial += 1;
        let text =
            if is_script { Captured::Script(Raw::new(MAX_SCRIPT)) } else { Captured::Words(Gathered::default()) };
        self.open.insert(at, Capture { serial: self.serial, text });
        Some(self.serial)
    }

    /// Takes a piece of an element's text.
    pub(super) fn text(&mut self, at: usize, piece: &str, is_script: bool) {
        match self.open.get_mut(&at).map(|capture| &mut capture.text) {
            Some(Captured::Words(gathered)) if !is_script => gathered.push(piece),
            Some(Captured::Script(script)) if is_script => script.push(piece),
            _ => {}
        }
    }

    /// Ends an element's text.
    pub(super) fn end(&mut self, at: usize, serial: u64) {
        if self.open.get(&at).is_some_and(|capture| capture.serial == serial) {
            self.end_now(at);
        }
    }

    fn end_now(&mut self, at: usize) {
        let Some(capture) = self.open.remove(&at) else { return };
        match capture.text {
            Captured::Words(gathered) => self.give(at, Given::Text(&gathered.text())),
            Captured::Script(script) => self.give(at, Given::Value(&script.text)),
        }
    }

    fn give(&mut self, at: usize, given: Given<'_>) {
        let wants = self.wants.clone();
        let Some(want) = wants.get(at) else { return };
        let taken = |text| want.source.take(text).map(text::clean);
        let found = match given {
            Given::Text(text) => taken(text).filter(|text| !text.is_empty() || is_mark(&want.slot)),
            Given::Value(text) => taken(text),
            Given::Presence => None,
        };
        let given = match (&given, &found) {
            (Given::Presence, _) => Given::Presence,
            (_, None) => return,
            (Given::Text(_), Some(found)) => Given::Text(found),
            (Given::Value(_), Some(found)) => Given::Value(found),
        };
        let put = match &want.slot {
            Slot::InRow(list, field) => {
                let links = self.draft.links();
                let row = self.rows.iter_mut().find(|open| open.list == *list);
                row.is_some_and(|open| open.row.put(*field, want.rank, given, links))
            }
            slot => self.draft.put(slot, want.rank, given),
        };
        if put {
            self.learnt();
        }
    }

    /// Begins a row; one that is open is over.
    pub(super) fn begin_row(&mut self, list: List) -> u64 {
        self.close_row(list);
        self.serial += 1;
        if self.draft.is_full(list) {
            return 0;
        }
        self.rows.push(OpenRow { list, serial: self.serial, row: Row::default() });
        self.serial
    }

    /// Ends a row, if it is the one that is open.
    pub(super) fn end_row(&mut self, list: List, serial: u64) {
        if self.rows.iter().any(|open| open.list == list && open.serial == serial) {
            self.close_row(list);
        }
    }

    fn close_row(&mut self, list: List) {
        let wants = self.wants.clone();
        let of_list = |at: &usize| matches!(wants.get(*at), Some(Want { slot: Slot::InRow(of, _), .. }) if *of == list);
        let mut open: Vec<usize> = self.open.keys().copied().filter(of_list).collect();
        open.sort_unstable();
        for at in open {
            self.end_now(at);
        }
        if let Some(at) = self.rows.iter().position(|open| open.list == list) {
            let open = self.rows.swap_remove(at);
            self.draft.put_row(list, &open.row);
            self.learnt();
        }
    }

    fn row(&self, list: List) -> Option<&Row> {
        self.rows.iter().find(|open| open.list == list).map(|open| &open.row)
    }

    /// The title begins. Only the first is the page's.
    pub(super) fn begin_title(&mut self) -> bool {
        let begins = self.title.is_none() && self.draft.title.is_none();
        if begins {
            self.title = Some(Gathered::default());
        }
        begins
    }

    pub(super) fn title(&mut self, piece: &str) {
        if let Some(title) = &mut self.title {
            title.push(piece);
        }
    }

    pub(super) fn end_title(&mut self) {
        if let Some(title) = self.title.take() {
            self.draft.title = Some(title.text());
            self.learnt();
        }
    }

    pub(super) fn begin_json_ld(&mut self) {
        self.json_ld = Some(Raw::new(MAX_JSON_LD));
    }

    pub(super) fn json_ld(&mut self, piece: &str) {
        if let Some(script) = &mut self.json_ld {
            script.push(piece);
        }
    }

    pub(super) fn end_json_ld(&mut self) {
        let Some(script) = self.json_ld.take() else { return };
        self.json_ld_read += script.text.len();
        if script.cut || self.json_ld_read > ALL_JSON_LD {
            return;
        }
        for document in jsonld::documents(&script.text) {
            schema::learn(&document, JSON_LD, &mut self.draft);
        }
        self.learnt();
    }

    pub(super) fn meta(&mut self, name: &str, content: &str) {
        meta::learn(name, &text::clean(content), &mut self.draft);
        self.learnt();
    }

    pub(super) fn canonical(&mut self, href: &str) {
        let slot = Slot::Product(super::recipe::Field::Url);
        self.draft.put(&slot, OPEN_GRAPH, Given::Value(&text::decode(href)));
        self.learnt();
    }

    pub(super) fn base(&mut self, href: &str) {
        self.draft.links_mut().rebase(&text::decode(href));
    }

    pub(super) fn micro(&mut self) -> &mut Microdata {
        &mut self.micro
    }

    pub(super) fn end_micro(&mut self, serial: u64) {
        if let Some(item) = self.micro.close(serial) {
            schema::learn(&item, MICRODATA, &mut self.draft);
            self.learnt();
        }
    }

    /// The page is over: so is what was left open.
    pub(super) fn finish(&mut self) {
        let mut open: Vec<usize> = self.open.keys().copied().collect();
        open.sort_unstable();
        for at in open {
            self.end_now(at);
        }
        for list in [List::Listed, List::CartLines, List::OrderLines] {
            self.close_row(list);
        }
        if let Some(item) = self.micro.close_all() {
            schema::learn(&item, MICRODATA, &mut self.draft);
        }
        self.news = true;
    }

    fn learnt(&mut self) {
        self.news = true;
        if self.past_head && self.is_settled() {
            self.ended = self.ended.or(Some(Ended::Enough));
        }
    }

    /// Whether nothing that follows could tell more: on pages that are about nothing but what the recipe names, once all of that is
    /// known. What vocabularies tell of products may stand anywhere.
    fn is_settled(&self) -> bool {
        let kind = self.draft.kind();
        let mut wants = self
            .attached
            .iter()
            .filter_map(|at| self.wants.get(*at))
            .filter(|want| want.slot.is_read_on(kind))
            .peekable();
        matches!(kind, "account" | "cart" | "thankyou")
            && self.draft.title.is_some()
            && wants.peek().is_some()
            && wants.all(|want| match &want.slot {
                Slot::Kind(_) => true,
                Slot::InRow(..) => false,
                // One of the two is enough.
                Slot::LoggedIn | Slot::LoggedOut => {
                    self.draft.knows(&Slot::LoggedIn, 0) || self.draft.knows(&Slot::LoggedOut, 0)
                }
                slot => self.draft.knows(slot, want.rank),
            })
    }
}

/// Whether presence is what counts.
fn is_mark(slot: &Slot) -> bool {
    use super::recipe::{Field, Total};
    matches!(
        slot,
        Slot::Kind(_)
            | Slot::LoggedIn
            | Slot::LoggedOut
            | Slot::Sign(_)
            | Slot::Cart(Total::Empty)
            | Slot::Product(Field::InStock | Field::OutOfStock)
            | Slot::InRow(_, Field::InStock | Field::OutOfStock)
    )
}

impl Raw {
    fn new(limit: usize) -> Self {
        Self { text: String::new(), limit, cut: false }
    }

    fn push(&mut self, piece: &str) {
        let mut end = piece.len().min(self.limit - self.text.len());
        while !piece.is_char_boundary(end) {
            end -= 1;
        }
        if !self.cut {
            self.text.push_str(piece.get(..end).unwrap_or_default());
        }
        self.cut |= end < piece.len();
    }
}
