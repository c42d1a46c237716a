//! Reads the text of a condition with the `cel` crate's parsers, which must not be trusted with any text.
//!
//! They recurse without bound on long chains, and an overflow aborts the process. So the text is capped, what could
//! nest deeply is parsed on a thread with a large stack, and a deep tree is refused before anyone walks it.

use cel::common::ast::{EntryExpr, Expr, SourceInfo};
use cel::parser::PrattParser;
use cel::{IdedExpr, ParseErrors, Program};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Longest condition in bytes.
pub(crate) const MAX_TEXT: usize = 4096;
/// Deepest tree. The `cel` crate's evaluator recurses too, on a worker's stack.
pub(crate) const MAX_DEPTH: usize = 48;
/// Characters that can each add a level of nesting, up to which the caller's stack is enough.
const SHALLOW: usize = 96;
const LARGE_STACK: usize = 16 << 20;

/// Why a text could not be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// Longer than [`MAX_TEXT`].
    TooLong,
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The parser's errors: byte offset and its own words.
    Syntax(Vec<(usize, String)>),
}

/// An expression and, if it was read with places, where its parts stand.
pub(crate) struct Parsed {
    pub(crate) expression: IdedExpr,
    places: Option<SourceInfo>,
}

impl Parsed {
    /// Bytes of the token that a node is known by; a call's operator, a select's dot.
    fn token(&self, id: u64) -> Option<Range<usize>> {
        let (start, stop) = self.places.as_ref()?.offset_for(id)?;
        Some(start as usize..(stop as usize).max(start as usize) + 1)
    }

    /// Bytes of a whole expression: its own token, all of its children's, and what encloses them.
    pub(crate) fn span(&self, node: &IdedExpr, source: &str) -> Range<usize> {
        if self.places.is_none() {
            return 0..0;
        }
        let mut span = self.token(node.id);
        children(node, &mut |child| {
            let inner = self.span(child, source);
            // Nodes that a macro made carry the macro's own place.
            if !inner.is_empty() {
                span = Some(match span.take() {
                    Some(seen) => seen.start.min(inner.start)..seen.end.max(inner.end),
                    None => inner,
                });
            }
        });
        let Some(Range { mut start, mut end }) = span else { return 0..0 };
        let rest = |at: usize| source.get(at..).unwrap_or_default();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match &node.expr {
            Expr::Select(select) if !select.test => {
                let after = rest(end);
                let gap = after.len() - after.trim_start().len();
                let field = after.trim_start().chars().take_while(|c| word(*c)).count();
                end += if field > 0 { gap + field } else { 0 };
            }
            Expr::Call(_) | Expr::Select(_) | Expr::List(_) | Expr::Map(_) | Expr::Comprehension(_) => {
                let opened = self.token(node.id).and_then(|token| source.get(token));
                let closing = match opened {
                    Some("(") => ')',
                    Some("[") => ']',
                    Some("{") => '}',
                    _ => return start..end,
                };
                let after = rest(end).trim_start_matches([' ', '\t', '\r', '\n', ',']);
                if after.starts_with(closing) {
                    end = source.len() - after.len() + 1;
                }
                let before = source.get(..start).unwrap_or_default();
                if self.token(node.id).is_some_and(|token| token.start == start) && closing == ')' {
                    start -= before.chars().rev().take_while(|c| word(*c)).count();
                }
            }
            _ => {}
        }
        start..end.min(source.len())
    }
}

/// Calls `f` with a node and everything beneath it.
pub(crate) fn visit<'e>(node: &'e IdedExpr, f: &mut dyn FnMut(&'e IdedExpr)) {
    f(node);
    children(node, &mut |child| visit(child, f));
}

/// Calls `f` with each direct child.
pub(crate) fn children<'e>(node: &'e IdedExpr, f: &mut dyn FnMut(&'e IdedExpr)) {
    match &node.expr {
        Expr::Call(call) => {
            if let Some(target) = &call.target {
                f(target);
            }
            call.args.iter().for_each(f);
        }
        Expr::Select(select) => f(&select.operand),
        Expr::List(list) => list.elements.iter().for_each(f),
        Expr::Map(map) => map.entries.iter().for_each(|entry| entry_children(&entry.expr, f)),
        Expr::Struct(object) => object.entries.iter().for_each(|entry| entry_children(&entry.expr, f)),
        Expr::Comprehension(fold) => {
            for part in [&fold.iter_range, &fold.accu_init, &fold.loop_cond, &fold.loop_step, &fold.result] {
                f(part);
            }
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

fn entry_children<'e>(entry: &'e EntryExpr, f: &mut dyn FnMut(&'e IdedExpr)) {
    match entry {
        EntryExpr::StructField(field) => f(&field.value),
        EntryExpr::MapEntry(pair) => {
            f(&pair.key);
            f(&pair.value);
        }
    }
}

/// Reads a text, fast and without places.
pub(crate) fn parse(text: &str) -> Result<Parsed, Unreadable> {
    with_stack(text, || {
        let expression = guarded(|| PrattParser::new().parse(text))?.map_err(|errors| syntax(text, &errors))?;
        shallow(Parsed { expression, places: None })
    })
}

/// Reads a text with the place of each part: twenty times slower, for when there is something to say.
pub(crate) fn parse_with_places(text: &str) -> Result<Parsed, Unreadable> {
    with_stack(text, || {
        let program = guarded(|| Program::compile(text))?.map_err(|errors| syntax(text, &errors))?;
        let source = program.source_info();
        let mut places = SourceInfo::default();
        visit(program.expression(), &mut |node| {
            if let Some((start, stop)) = source.offset_for(node.id) {
                places.add_offset(node.id, start, stop);
            }
        });
        shallow(Parsed { expression: program.expression().clone(), places: Some(places) })
    })
}

/// Runs a parser on a stack that is large enough for any text within [`MAX_TEXT`].
fn with_stack<T: Send>(text: &str, work: impl FnOnce() -> Result<T, Unreadable> + Send) -> Result<T, Unreadable> {
    if text.len() > MAX_TEXT {
        return Err(Unreadable::TooLong);
    }
    let nesting = text.bytes().filter(|byte| b"([{.!-+*/%?<>=".contains(byte)).count() + text.matches("in").count();
    if nesting <= SHALLOW {
        return work();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(LARGE_STACK).spawn_scoped(scope, work);
        thread.ok().and_then(|thread| thread.join().ok()).unwrap_or(Err(Unreadable::TooDeep))
    })
}

/// A parser that panics has not understood the text.
fn guarded<T>(parse: impl FnOnce() -> T) -> Result<T, Unreadable> {
    catch_unwind(AssertUnwindSafe(parse)).map_err(|_| Unreadable::Syntax(vec![(0, String::new())]))
}

/// Refuses a deep tree while still on the large stack, where dropping it is safe too.
fn shallow(parsed: Parsed) -> Result<Parsed, Unreadable> {
    fn depth(node: &IdedExpr) -> usize {
        let mut deepest = 0;
        children(node, &mut |child| deepest = deepest.max(depth(child)));
        deepest + 1
    }
    if depth(&parsed.expression) > MAX_DEPTH { Err(Unreadable::TooDeep) } else { Ok(parsed) }
}

fn syntax(text: &str, errors: &ParseErrors) -> Unreadable {
    let offset = |(line, column): (isize, isize)| {
        let line = usize::try_from(line - 1).ok()?;
        let column = usize::try_from(column - 1).ok()?;
        let start = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
        let within = text.get(start..)?;
        Some(start + within.char_indices().nth(column).map_or(within.len(), |(at, _)| at))
    };
    Unreadable::Syntax(errors.errors.iter().map(|e| (offset(e.pos).unwrap_or(0), e.msg.clone())).collect())
}
